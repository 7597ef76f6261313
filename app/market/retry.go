package market

import "time"

// RetryWindow is for how long the marketplace goes on calling a failing
// interface by itself, counted from its first call; 0 means that nothing is
// published. Sources: page CN 0070649414 as far as its excerpts go (3 h for
// newInstance and upgradeInstance, 2 h for refreshInstance, 1 h for
// updateInstanceStatus); releaseInstance by the V1.0 page's 1 h.
func RetryWindow(p Protocol, activity string) time.Duration {
	if p == V1 {
		return retryWindowV1(activity)
	}
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

// retryWindowV1 is V1.0's: 3 h for newInstance (pages CN, intl 0070649013) and
// upgrade (CN 0000001297828992), 1 h for renewal, expiry and release (CN
// 0070649180, intl 0070649055, 0070649056); nothing is published for the rest.
func retryWindowV1(activity string) time.Duration {
	switch activity {
	case NewInstance, Upgrade:
		return 3 * time.Hour
	case RefreshInstance, ExpireInstance, ReleaseInstance:
		return time.Hour
	}
	return 0
}
