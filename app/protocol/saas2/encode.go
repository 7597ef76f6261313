package saas2

import (
	"unicode/utf16"

	"koodesk/app/market"
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
	b = appendASCII(b, string(a.Code))
	b = append(b, `,"resultMsg":`...)
	b = appendASCII(b, cutUTF16(a.Msg, MaxResultMsg))
	switch activity {
	case market.NewInstance:
		b = appendField(b, "instanceId", a.InstanceID)
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
	b = appendASCII(b, info.InstanceID)
	if app := info.App; app != nil {
		b = append(b, `,"appInfo":{"frontEndUrl":`...)
		b = appendASCII(b, app.FrontEndURL)
		b = appendField(b, "adminUrl", app.AdminURL)
		b = appendField(b, "userName", app.UserName)
		b = appendField(b, "password", app.Password)
		b = appendField(b, "memo", app.Memo)
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendField writes a further member, if there is something to write.
func appendField(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendASCII(b, text)
}

// appendASCII writes a JSON string of ASCII characters; bytes that are no
// character become U+FFFD.
func appendASCII(b []byte, s string) []byte {
	b = append(b, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r >= 0x20 && r < 0x7f:
			b = append(b, s[i])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, high), low)
		default: // control characters, and U+FFFD for what is invalid
			b = appendUnit(b, r)
		}
	}
	return append(b, '"')
}

func appendUnit(b []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
