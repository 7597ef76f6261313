package market

import "time"

// RetryWindow is for how long the marketplace goes on calling a failing
// interface by itself, counted from its first call; 0 means that nothing is
// published. Sources: page CN 0070649414 as far as its excerpts go (3 h for
// newInstance and upgradeInstance, 2 h for refreshInstance, 1 h for
// updateInstanceStatus); releaseInstance by the V1.0 page's 1 h.
func RetryWindow(p Protocol, activity string) time.Duration {
	if p != V2 {
		return 0
	}
	switch activity {
	case NewInstance, UpgradeInstance:
		return 3 * time.Hour
	case RefreshInstance:
		return 2 * time.Hour
	case UpdateInstanceStatus, ReleaseInstance:
		return time.Hour
	}
	return 0
}
