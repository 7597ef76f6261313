package config

import "fmt"

// Retain says for how many days things are kept; 0 keeps them for ever.
type Retain struct {
	Payloads   int
	Attempts   int
	Rejected   int
	Deliveries int
	Events     int
	Alerts     int
	Personal   int // since the release of the instance
}

// retainMost is a hundred years.
const retainMost = 36500

// retainOption is a number of days, none of 1 to least-1: pages count what is
// younger.
func retainOption(name, def, help string, least int, field func(*Config) *int) Option {
	return Option{Name: name, Default: def, Help: help, parse: func(c *Config, v string) error {
		n, err := number(v, 0, retainMost)
		if err == nil && n > 0 && n < least {
			err = fmt.Errorf("%q is neither 0 nor a number from %d to %d", v, least, retainMost)
		}
		*field(c) = n
		return err
	}}
}
