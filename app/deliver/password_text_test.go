package deliver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/wording"
)

// A text that was written before there were links, or by somebody who knows of
// none, must not leave the customer without a way to the password.
func TestALinkIsToldByEveryText(t *testing.T) {
	t.Parallel()
	const link = "https://koodesk.example/access/one-look"
	for body, want := range map[string]string{
		"{front_end_url} {user_name} {password}":                                                            "https://a.example ann " + link,
		"{front_end_url} {user_name} {if password}P {password}{end}":                                        "https://a.example ann P " + link,
		"{front_end_url} {user_name} {if password}P {password}{else}L {password_url}{end}":                  "https://a.example ann P " + link,
		"{front_end_url} {user_name} {password}{if memo} {password_url}{end}":                               "https://a.example ann " + link, // not always
		"{front_end_url} {user_name} {if password}P {password} {end}{if password_url}L {password_url}{end}": "https://a.example ann L " + link,
	} {
		letter, problems := wording.Parse(wording.Text{Body: body}, RulesFor(UsageInfo, SMS))
		require.Empty(t, problems, body)
		v := wording.Values{"front_end_url": "https://a.example", "user_name": "ann", "password": "s3cret"}
		behind(letter, v, link)
		require.Equal(t, want, letter.Short(v))
	}
	_, problems := wording.Parse(wording.Text{Subject: "{password_url}", Body: "{front_end_url} {user_name} {password}"}, RulesFor(UsageInfo, Email))
	require.Len(t, problems, 1, "no lists of mails with what opens the password")
	require.Equal(t, "message_template.secret_subject", problems[0].Fault.Key)
}
