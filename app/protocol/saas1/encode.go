package saas1

import (
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/wire"
)

// Published lengths of what is returned, in characters, counted in UTF-16 units
// as Java does. Those of userName and password hold for the ciphertext with its
// IV (FAQ CN 0082027567).
const (
	MaxResultMsg  = market.MaxResultMsg
	MaxInstanceID = market.MaxInstanceID
	MaxSecret     = 128 // userName and password, encrypted
	MaxQueryIDs   = 100 // ids in one queryInstance (CN 0070649185, intl 0070649081)
)

// Cipher is what userName and password are encrypted with: the key that proved
// the call, by the channel's choice of AES.
type Cipher struct {
	Secret string
	Type   crypt.EncryptType
}

// Encode writes an answer: exactly the bytes to send, and to sign in Body-Sign.
// Only the fields that the activity documents are written: resultCode and
// resultMsg always (the FAQ requires both), for newInstance encryptType,
// instanceId and appInfo, for queryInstance encryptType and info. encryptType is
// there only when something is encrypted by it. Empty optional fields are left
// out, and so is a userName or password that would not fit its length: one field
// too long makes the marketplace refuse the whole answer. AppInfo.CheckFor keeps
// such data from being stored at all.
//
// The output is ASCII: Chinese in the memo has to be written as \uXXXX (CN
// 0070649013), and the same for every other field is the same JSON. There is no
// newline at the end.
func Encode(activity string, a market.Answer, c Cipher) []byte {
	if a.Code == "" {
		a.Code = market.OtherError
	}
	if a.Msg == "" {
		a.Msg = defaultMsg(a.Code)
	}
	b := make([]byte, 0, 512)
	b = append(b, `{"resultCode":`...)
	b = wire.AppendString(b, string(a.Code))
	b = append(b, `,"resultMsg":`...)
	b = wire.AppendString(b, wire.CutUTF16(a.Msg, MaxResultMsg))
	switch activity {
	case market.NewInstance:
		if c.encrypts(a.App) {
			b = wire.AppendField(b, "encryptType", c.number())
		}
		b = wire.AppendField(b, "instanceId", a.InstanceID)
		b = c.appendApp(b, a.App)
	case market.QueryInstance:
		b = c.appendInfo(b, a.Info)
	case market.GetLicense: // CN 0000001353181669; the License is sent in clear
		b = wire.AppendField(b, "license", a.License)
		b = wire.AppendField(b, "instanceId", a.InstanceID)
	}
	return append(b, '}')
}

func (c Cipher) appendInfo(b []byte, list []market.InstanceInfo) []byte {
	if list == nil {
		return b
	}
	for _, info := range list {
		if c.encrypts(info.App) {
			b = wire.AppendField(b, "encryptType", c.number())
			break
		}
	}
	b = append(b, `,"info":[`...)
	for i, info := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"instanceId":`...)
		b = wire.AppendString(b, info.InstanceID)
		b = c.appendApp(b, info.App)
		b = append(wire.AppendUsage(b, info.Usage), '}')
	}
	return append(b, ']')
}

func (c Cipher) number() string {
	if c.Type == crypt.AES128 {
		return "2"
	}
	return "1"
}

func (c Cipher) encrypts(a *market.AppInfo) bool {
	return a != nil && c.seal(a.UserName)+c.seal(a.Password) != ""
}

// seal encrypts a text, "" if there is no key or it would be too long.
func (c Cipher) seal(text string) string {
	if c.Secret == "" {
		return ""
	}
	field := crypt.EncryptField(c.Secret, c.Type, text)
	if len(field) > MaxSecret {
		return ""
	}
	return field
}

func (c Cipher) appendApp(b []byte, a *market.AppInfo) []byte {
	if a == nil {
		return b
	}
	b = append(b, `,"appInfo":{"frontEndUrl":`...)
	b = wire.AppendString(b, a.FrontEndURL)
	b = wire.AppendField(b, "adminUrl", a.AdminURL)
	b = wire.AppendField(b, "userName", c.seal(a.UserName))
	b = wire.AppendField(b, "password", c.seal(a.Password))
	b = wire.AppendField(b, "memo", a.Memo)
	return append(b, '}')
}
