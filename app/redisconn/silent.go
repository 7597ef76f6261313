package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// silent drops the library's own lines on standard error: every failure that
// they tell of is returned to a caller, who logs it in the program's form.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silent{}) }
