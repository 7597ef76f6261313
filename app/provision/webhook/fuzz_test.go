package webhook

import (
	"testing"
	"unicode/utf8"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	sender "koodesk/app/webhook"
)

// FuzzAnswer: whatever the seller's product answers is access data that the
// marketplace would take, a refusal by a published code, or garbage by name.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"front_end_url":"https://a.example","user_name":" u ","password":"p","memo":"中文\n"}`, `{"result_code":"000100","message":"none left"}`,
		`{"result_code":"000999"}`, `{"front_end_url":7}`, `[]`, "\xff", `{"front_end_url":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var b body
		_, err := event.ReadAnswer(sender.Answer{Status: 200, Body: text}, &b)
		if err != nil && !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		if err == nil && !utf8.ValidString(b.Message) {
			t.Fatalf("%q", b.Message)
		}
		no := fault.From(refusal(sender.Answer{Status: 409, Body: text}, fault.New(fault.Unavailable, "webhook.status")))
		switch {
		case no == nil:
			t.Fatal("a 409 is no success")
		case no.Code == fault.Refused:
			if code := market.ResultCode(no.Args["result_code"]); !code.Refuses() || utf8.RuneCountInString(no.Args["message"]) > event.MaxReason {
				t.Fatalf("%v", no.Args)
			}
		case no.Code != fault.Unavailable:
			t.Fatal(no)
		}
	})
}
