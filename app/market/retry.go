package market

import "time"

// RetryWindow is for how long the marketplace goes on calling a failing
// interface by itself, counted from its first call; 0 means that nothing is
// published. Sources: page CN 0070649414 as far as its excerpts go (3 h for
// newInstance and upgradeInstance, 2 h for refreshInstance, 1 h for
// updateInstanceStatus); releaseInstance by the V1.0 page's 1 h.
func RetryWindow(p Protocol, activity string) time.Duration {
	switch p {
	case V1:
		return retryWindowV1(activity)
	case LicenseCode:
		return 2 * time.Hour // 60 times, every 2 minutes (CN 0070649167, 0070649168, 0070649169)
	case OrderNotice:
		return 3 * time.Hour // CN 0000002091799149
	case LicenseV1:
		if activity == GetLicense {
			return 3 * time.Hour // CN 0000001353181669; renewal and release are called once
		}
		return 0
	case License:
		return 0 // nothing is published for getLicenseAsync
	case KitV1, KitV2:
		return 0 // the buyer or the enterprise's administrator decides (CN 0070649109)
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
