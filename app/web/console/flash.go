package console

import (
	"encoding/json"
	"slices"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// flashKey is where the session keeps what the next page says once.
const flashKey = "flash"

// spoken is a view.Text as the session keeps it: numbers stay numbers, since
// they decide the plural, and texts may stand within texts.
type spoken struct {
	Key  string  `json:"k"`
	Args []value `json:"a,omitempty"`
}

type value struct {
	Text   *string `json:"s,omitempty"`
	Number *int    `json:"n,omitempty"`
	Spoken *spoken `json:"t,omitempty"`
}

type flashed struct {
	Tone string `json:"tone"`
	Text spoken `json:"text"`
}

// flash lets the next page say what the act did.
func flash(c *fiber.Ctx, tone string, text view.Text) {
	b, err := json.Marshal(flashed{Tone: tone, Text: speak(text)})
	if err != nil { // texts and numbers always marshal
		return
	}
	session.Put(c, flashKey, string(b))
}

// takeFlash gives what the last act did, once.
func takeFlash(c *fiber.Ctx) *view.Flash {
	var f flashed
	if json.Unmarshal([]byte(session.Take(c, flashKey)), &f) != nil {
		return nil
	}
	return &view.Flash{Tone: f.Tone, Text: f.Text.text()}
}

func speak(t view.Text) spoken {
	s := spoken{Key: t.Key}
	for _, a := range t.Args {
		var v value
		switch a := a.(type) {
		case string:
			v.Text = &a
		case int:
			v.Number = &a
		case view.Text:
			inner := speak(a)
			v.Spoken = &inner
		}
		s.Args = append(s.Args, v)
	}
	return s
}

func (s spoken) text() view.Text {
	t := view.Text{Key: s.Key}
	for _, v := range s.Args {
		switch {
		case v.Number != nil:
			t.Args = append(t.Args, *v.Number)
		case v.Spoken != nil:
			t.Args = append(t.Args, v.Spoken.text())
		case v.Text != nil:
			t.Args = append(t.Args, *v.Text)
		default:
			t.Args = append(t.Args, "")
		}
	}
	return t
}

// what is the sentence that says what was wrong, without the advice. A fault
// without a text of its own gets the text of its code.
func what(z *i18n.Localizer, f *fault.Error) view.Text {
	key := "fault." + f.Key + ".what"
	if !z.Has(key) {
		return view.Say("fault_code." + string(f.Code) + ".what")
	}
	t := view.Text{Key: key}
	for name, v := range f.Args {
		t.Args = append(t.Args, name, v)
	}
	return t
}

// trouble is what a toast says of a fault: what was wrong and what to do.
func trouble(z *i18n.Localizer, f *fault.Error) view.Text {
	t := what(z, f)
	do := view.Text{Key: t.Key[:len(t.Key)-len("what")] + "do", Args: t.Args}
	if !z.Has(do.Key) {
		return t
	}
	return view.Say("flash.trouble", "what", t, "do", do)
}

// done flashes what came of an act: that it was done, or why it was refused if the
// fault is one of these; any other fault is the page's.
func (k *Console) done(c *fiber.Ctx, err error, said view.Text, refusals ...fault.Code) error {
	switch {
	case err == nil:
		flash(c, "ok", said)
	case slices.Contains(refusals, fault.CodeOf(err)):
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
	default:
		return err
	}
	return nil
}
