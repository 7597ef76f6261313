package saas2

import (
	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// Encode writes an answer: exactly the bytes to send, and to sign in Body-Sign.
// Only the fields that the activity documents are written, in the order of the
// published samples: resultCode and resultMsg always (the table calls resultMsg
// optional, the FAQ requires it), instanceId for newInstance, info for
// queryInstance. Fields that are empty are left out, except that an appInfo
// always has its mandatory frontEndUrl. A Msg that is empty becomes the usual
// text of the code, a longer one is cut to MaxResultMsg; access data are never
// cut (see Fits). An answer without a code is a defect and says so: 000005.
//
// The output is ASCII: the memo's Chinese has to be written as \uXXXX (CN
// 0070649428), and the same for every other field is the same JSON. Nothing is
// escaped for HTML, and there is no newline at the end.
func Encode(activity string, a market.Answer) []byte {
	if a.Code == "" {
		a.Code = market.OtherError
	}
	if a.Msg == "" {
		a.Msg = defaultMsg(a.Code)
	}
	b := make([]byte, 0, 192)
	b = append(b, `{"resultCode":`...)
	b = wire.AppendString(b, string(a.Code))
	b = append(b, `,"resultMsg":`...)
	b = wire.AppendString(b, wire.CutUTF16(a.Msg, MaxResultMsg))
	switch activity {
	case market.NewInstance:
		b = wire.AppendField(b, "instanceId", a.InstanceID)
	case market.QueryInstance:
		if a.Info != nil {
			b = append(b, `,"info":[`...)
			for i, info := range a.Info {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendInfo(b, info)
			}
			b = append(b, ']')
		}
	}
	return append(b, '}')
}

func appendInfo(b []byte, info market.InstanceInfo) []byte {
	b = append(b, `{"instanceId":`...)
	b = wire.AppendString(b, info.InstanceID)
	if app := info.App; app != nil {
		b = append(b, `,"appInfo":{"frontEndUrl":`...)
		b = wire.AppendString(b, app.FrontEndURL)
		b = wire.AppendField(b, "adminUrl", app.AdminURL)
		b = wire.AppendField(b, "userName", app.UserName)
		b = wire.AppendField(b, "password", app.Password)
		b = wire.AppendField(b, "memo", app.Memo)
		b = append(b, '}')
	}
	return append(wire.AppendUsage(b, info.Usage), '}')
}
