package simulator

import (
	"bytes"
	"encoding/json"
	"strings"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
)

// examineV1 checks the form as the marketplace does for V1.0 (FAQ CN 0082027567)
// and as the tables of each interface print it. What it could decrypt stands in
// Info as plain text.
func (a *Answer) examineV1(asked Fields, key string) {
	doc, ok := a.document()
	if !ok {
		return
	}
	switch a.Activity {
	case market.NewInstance:
		a.onlyFields("", doc, "resultCode", "resultMsg", "encryptType", "instanceId", "appInfo")
		a.InstanceID = a.text(doc, "", "instanceId", 64, a.Code.OK())
		if a.Code == market.Success && len(doc["appInfo"]) == 0 {
			a.find("field appInfo is missing: the FAQ requires its frontEndUrl")
		}
		a.examineApp(doc["appInfo"], "appInfo.")
		if len(doc["appInfo"]) > 0 {
			info := Info{InstanceID: a.InstanceID}
			_ = json.Unmarshal(doc["appInfo"], &info.App) // what does not fit was found above
			a.Info = []Info{info}
		}
	case market.QueryInstance:
		a.onlyFields("", doc, "resultCode", "resultMsg", "encryptType", "info")
		a.examineInfo(doc["info"], asked)
	case market.GetLicense: // CN 0000001353181669
		a.onlyFields("", doc, "resultCode", "resultMsg", "license", "instanceId")
		a.InstanceID = a.text(doc, "", "instanceId", 64, a.Code.OK())
		a.License = a.text(doc, "", "license", maxAnswer, a.Code == market.Success) // no length is published
	default:
		a.onlyFields("", doc, "resultCode", "resultMsg")
	}
	a.decrypt(key, a.encryptType(doc))
}

func (a *Answer) encryptType(doc map[string]json.RawMessage) crypt.EncryptType {
	switch s := a.text(doc, "", "encryptType", 3, false); s {
	case "", "1":
	case "2":
		return crypt.AES128
	default:
		a.find("encryptType is %q, must be 1 or 2", s)
	}
	return crypt.AES256
}

// decrypt reads userName and password of every appInfo.
func (a *Answer) decrypt(key string, e crypt.EncryptType) {
	for i := range a.Info {
		app := a.Info[i].App
		if app == nil {
			continue
		}
		for _, f := range [...]struct {
			name string
			text *string
		}{{"userName", &app.UserName}, {"password", &app.Password}} {
			plain, err := crypt.DecryptField(key, e, *f.text)
			if err != nil {
				a.unfit("%s of instance %q cannot be decrypted with the key and encryptType %d", f.name, a.Info[i].InstanceID, e)
				continue
			}
			*f.text = plain
		}
	}
}

// examineSpelling looks at the header's name as it was sent: the FAQ refuses
// "Body-sign". Without a recording there is nothing to say.
func (a *Answer) examineSpelling(raw []byte) {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	a.head = string(head)
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, crypt.BodySignHeader) && name != crypt.BodySignHeader {
			a.find("the header is spelled %q, must be %q", name, crypt.BodySignHeader)
		}
	}
}

// Header is the value of a header whose name was sent in exactly this spelling,
// "" if there is none or nothing was recorded.
func (a Answer) Header(name string) string {
	for line := range strings.SplitSeq(a.head, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
