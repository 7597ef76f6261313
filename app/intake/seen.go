package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf16"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// Seen is the answer that a queryInstance about an instance would be given now,
// masked, as it is shown to people.
type Seen struct {
	Protocol market.Protocol
	Code     market.ResultCode
	Body     string
	Fields   []SeenField // in the order of the answer
}

// SeenField is one field of the answer. Its length is that of what is sent, not
// of what is shown.
type SeenField struct {
	Name   string // "info[0].appInfo.memo"
	Value  string
	Length int // in UTF-16 units, as the marketplace counts
	Limit  int // as published; 0 where none is
}

// TooLong tells whether the marketplace refuses the answer for this field.
func (f SeenField) TooLong() bool { return f.Limit > 0 && f.Length > f.Limit }

// published are the lengths of the answer's fields (page CN 0070649428).
var published = map[string]int{"resultMsg": market.MaxResultMsg, "instanceId": market.MaxInstanceID, "frontEndUrl": market.MaxAppURL,
	"adminUrl": market.MaxAppURL, "userName": market.MaxAppUserName, "password": market.MaxAppPassword, "memo": market.MaxAppMemo,
	"relatedInstanceId": market.MaxInstanceID, "usageValue": market.MaxUsageValue, "statisticalTime": market.MaxUsageTime, "dashboardUrl": market.MaxDashboardURL}

// Seen gives what KooGallery would see of an instance if it asked this moment,
// in the generation in which the instance was bought: decided and written by
// what answers the calls themselves. Nothing is noted anywhere. Faults: not_found
// "instance.unknown"; conflict "seen.never_asked" for a generation that has no
// queryInstance.
func (in *Intake) Seen(ctx context.Context, instanceID string) (Seen, error) {
	r := in.store.Reader()
	i, err := r.InstanceByID(ctx, instanceID)
	if err != nil {
		return Seen{}, err
	}
	if _, asked := market.Decide(i.Protocol, i.Stage(), market.Queried, false); !asked || in.dialects[i.Protocol] == nil {
		return Seen{}, fault.New(fault.Conflict, "seen.never_asked")
	}
	ch := &store.Channel{ID: i.ChannelID}
	if _, sealed := in.dialects[i.Protocol].(Sealing); sealed || i.Protocol == market.V1 { // only these answers depend on the channel
		if ch, err = r.ChannelByID(ctx, i.ChannelID); err != nil {
			return Seen{}, err
		}
	}
	a := Arrived{Channel: ch, Call: market.Call{Protocol: i.Protocol, Activity: market.QueryInstance, InstanceIDs: []string{instanceID}}}
	e, err := in.look(a, []*store.Instance{i})
	if err != nil {
		return Seen{}, err
	}
	sent := in.encode(a, market.QueryInstance, e.answer)
	out := Seen{Protocol: i.Protocol, Code: e.answer.Code, Body: store.MaskBody(sent)}
	out.Fields, err = fieldsOf(sent, out.Body)
	return out, err
}

// answerFields is the form of a queryInstance's answer.
type answerFields struct {
	ResultCode  *string `json:"resultCode"`
	ResultMsg   *string `json:"resultMsg"`
	EncryptType *string `json:"encryptType"`
	Info        []struct {
		InstanceID *string `json:"instanceId"`
		AppInfo    struct {
			FrontEndURL *string `json:"frontEndUrl"`
			AdminURL    *string `json:"adminUrl"`
			UserName    *string `json:"userName"`
			Password    *string `json:"password"`
			Memo        *string `json:"memo"`
		} `json:"appInfo"`
		UsageInfo []struct {
			Related   *string      `json:"relatedInstanceId"`
			Value     *json.Number `json:"usageValue"`
			At        *string      `json:"statisticalTime"`
			Dashboard *string      `json:"dashboardUrl"`
		} `json:"usageInfo"`
	} `json:"info"`
}

type namedField struct {
	prefix, name string
	value        *string
}

func (a answerFields) all() []namedField {
	out := []namedField{{"", "resultCode", a.ResultCode}, {"", "resultMsg", a.ResultMsg}, {"", "encryptType", a.EncryptType}}
	for n, i := range a.Info {
		at := fmt.Sprintf("info[%d].", n)
		app := at + "appInfo."
		out = append(out, namedField{at, "instanceId", i.InstanceID}, namedField{app, "frontEndUrl", i.AppInfo.FrontEndURL},
			namedField{app, "adminUrl", i.AppInfo.AdminURL}, namedField{app, "userName", i.AppInfo.UserName},
			namedField{app, "password", i.AppInfo.Password}, namedField{app, "memo", i.AppInfo.Memo})
		for m, u := range i.UsageInfo {
			used := fmt.Sprintf("%susageInfo[%d].", at, m)
			out = append(out, namedField{used, "relatedInstanceId", u.Related}, namedField{used, "usageValue", (*string)(u.Value)},
				namedField{used, "statisticalTime", u.At}, namedField{used, "dashboardUrl", u.Dashboard})
		}
	}
	return out
}

// fieldsOf measures what is sent and shows what is masked; both have the same
// fields.
func fieldsOf(sent []byte, shown string) ([]SeenField, error) {
	var real, masked answerFields
	for _, f := range []struct {
		from []byte
		to   *answerFields
	}{{sent, &real}, {[]byte(shown), &masked}} {
		if err := json.Unmarshal(f.from, f.to); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "internal")
		}
	}
	display := masked.all()
	var out []SeenField
	for n, f := range real.all() {
		if f.value == nil {
			continue
		}
		out = append(out, SeenField{Name: f.prefix + f.name, Value: *display[n].value, Length: len(utf16.Encode([]rune(*f.value))), Limit: published[f.name]})
	}
	return out, nil
}
