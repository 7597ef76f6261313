package callback

import (
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
	"koodesk/app/store"
)

// keys are those that may have signed the call, the one to sign the answer with
// first: those of its activity's class. A call whose activity no guide knows may
// be of any class but the kit's, which has addresses of its own. It does nothing,
// whoever signed it, but its sender is to read that the activity is wrong and not
// that the key is.
func (k *call) keys(now time.Time) []store.ChannelKey {
	keys := k.channel.KeysOf(k.class(), now)
	if a := k.arrived.Call.Activity; saas2.Known(a) || saas1.Known(a) || k.class() == market.KitKey {
		return keys
	}
	for _, class := range []market.KeyClass{market.LicenseKey, market.GeneralKey} {
		keys = append(keys, k.channel.KeysOf(class, now)...)
	}
	return keys
}
