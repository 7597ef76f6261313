package bounce_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email/bounce"
	"koodesk/app/fault"
)

const to = "bounce+TOKEN@notify.seller.test"

var now = time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
	require.NoError(t, err)
	return raw
}

func TestEveryMailSystemsFormIsRead(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]deliver.Report{
		"postfix-failed":    {Outcome: deliver.Bounced, Code: "5.1.1", Note: "550 5.1.1 <***@example.com>: Recipient address rejected: User unknown in virtual mailbox table"},
		"postfix-expired":   {Outcome: deliver.Bounced, Code: "4.4.1", Note: "connect to mx1.example.com[203.0.113.25]:25: Connection timed out"},
		"postfix-delayed":   {Outcome: deliver.HandedOver, Remark: "delayed", Code: "4.2.2", Note: "452 4.2.2 <***@example.com>: Mailbox full"},
		"postfix-delivered": {Outcome: deliver.Delivered, Code: "2.0.0", Note: "250 2.0.0 Ok: queued as 9C1F2"},
		"exim-failed":       {Outcome: deliver.Bounced, Code: "5.1.1", Note: "550 5.1.1 The email account that you tried to reach does not exist"},
		"exim-old":          {Outcome: deliver.Bounced, Code: "550", Note: "550 No such user"},
		"office365":         {Outcome: deliver.Bounced, Code: "5.1.10", Note: "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ***@example.com not found by SMTP address lookup"},
		"qmail":             {Outcome: deliver.Bounced, Code: "5.1.1", Note: "203.0.113.25 does not like recipient. Remote host said: 550 #5.1.1 user ***@example.com unknown Giving up on 203.0.113.25."},
		"chinese":           {Outcome: deliver.Bounced, Code: "5.1.1", Note: "550 用户不存在 请核对收件人地址"},
		"without-report":    {Outcome: deliver.HandedOver, Remark: "unreadable", Note: "投递失败 ***@example.com"},
		"list":              {Outcome: deliver.Delivered, Code: "2.1.5", Note: "250 2.1.5 ok"},
		"relayed":           {Outcome: deliver.HandedOver, Remark: "relayed", Code: "2.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := bounce.Read(sample(t, name), "", now)
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.Contains(t, got[0].To, to)
			want.To, want.At = got[0].To, now
			require.Equal(t, want, got[0])
			got, err = bounce.Read(sample(t, name), "other@notify.seller.test", now)
			require.NoError(t, err)
			require.Equal(t, []string{"other@notify.seller.test"}, got[0].To, "the envelope is believed, not the header")
		})
	}
}

// What a person or his mail program answers says nothing of the delivery.
func TestAnswersAreNoBounces(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"vacation", "out-of-office", "read-receipt"} {
		got, err := bounce.Read(sample(t, name), "", now)
		require.NoError(t, err, name)
		require.Empty(t, got, name)
	}
	got, err := bounce.Read([]byte("From: Zhang <zhang@example.com>\nTo: "+to+"\nSubject: Re: hello\n\nIt did not work: 550 5.1.1\n"), "", now)
	require.NoError(t, err)
	require.Empty(t, got)
}

// A notification within what came back is not ours.
func TestACopyOfANotificationIsNotRead(t *testing.T) {
	t.Parallel()
	raw := "From: zhang@example.com\nTo: " + to + "\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nLook:\n--x\n" +
		"Content-Type: message/rfc822\n\n" + string(sample(t, "postfix-failed")) + "\n--x--\n"
	got, err := bounce.Read([]byte(raw), "", now)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestWhatIsCutOffOrOddIsReadAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	raw := sample(t, "postfix-failed")
	at := bytes.Index(raw, []byte("Content-Description: Undelivered"))
	for name, raw := range map[string][]byte{
		"cut off":        raw[:at],
		"odd lines":      bytes.Replace(raw, []byte("X-Original-To:"), []byte("what is this\nX-Original-To:"), 1),
		"a long copy":    append(bytes.Clone(raw[:at]), bytes.Repeat([]byte("x\n"), bounce.MaxSize)...),
		"no action":      bytes.Replace(raw, []byte("Action: failed\n"), nil, 1),
		"mailbox's line": append([]byte("From MAILER-DAEMON Fri Nov 27 01:12:08 2026\n"), raw...),
	} {
		got, err := bounce.Read(raw, "", now)
		require.NoError(t, err, name)
		require.Len(t, got, 1, name)
		require.Equal(t, deliver.Bounced, got[0].Outcome, name)
		require.Equal(t, "5.1.1", got[0].Code, name)
	}
	got, err := bounce.Read([]byte("From: mailer-daemon@x\nSubject: "+strings.Repeat("=?a?b? ", 140_000)+"?=\n\n"), "", now)
	require.NoError(t, err, "it would take minutes to decode all of that")
	require.Len(t, got, 1)
	for _, nothing := range []string{"", "\n\n", "hello", "From x\n\nhello", "\x00\x01"} {
		_, err := bounce.Read([]byte(nothing), "", now)
		require.Equal(t, "receipt.unreadable", fault.From(err).Key, "%q", nothing)
	}
}

func TestTheServicesFormsAreReceived(t *testing.T) {
	t.Parallel()
	raw := sample(t, "office365")
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	require.True(t, ok)
	require.Contains(t, string(head), "multipart/report")
	for name, c := range map[string]struct {
		kind, query string
		body        []byte
		want        deliver.Report
	}{
		"the mail":            {"message/rfc822", "", raw, deliver.Report{Outcome: deliver.Bounced, Code: "5.1.10"}},
		"the mail, unnamed":   {"", "?recipient=bounce%2BTOKEN@notify.seller.test", raw, deliver.Report{Outcome: deliver.Bounced, Code: "5.1.10"}},
		"the body alone":      {`multipart/report; report-type=delivery-status; boundary="f5a3a1d4-7f0b-4f7e-9a39-0d6a0f8f2a11"`, "?recipient=bounce%2BTOKEN@notify.seller.test", body, deliver.Report{Outcome: deliver.Bounced, Code: "5.1.10"}},
		"the short form":      {"application/json; charset=utf-8", "", []byte(`{"recipient":"` + to + `","outcome":"bounced","code":"5.2.2","note":"full: zhang@example.com"}`), deliver.Report{Outcome: deliver.Bounced, Code: "5.2.2", Note: "full: ***@example.com"}},
		"the short form, all": {"application/json", "", []byte(`{"recipient":"` + to + `","outcome":"delivered"}`), deliver.Report{Outcome: deliver.Delivered}},
	} {
		r := httptest.NewRequest(http.MethodPost, "/receipts/email/x"+c.query, nil)
		r.Header.Set("Content-Type", c.kind)
		got, err := bounce.Receiver{}.Receive(r, c.body, now)
		require.NoError(t, err, name)
		require.Len(t, got, 1, name)
		require.Equal(t, []string{to}, got[0].To, name)
		require.Equal(t, []any{c.want.Outcome, c.want.Code}, []any{got[0].Outcome, got[0].Code}, name)
		if c.want.Note != "" {
			require.Equal(t, c.want.Note, got[0].Note, name)
		}
	}
	for _, wrong := range []string{``, `{`, `[]`, `{"outcome":"bounced"}`, `{"recipient":"x@y","outcome":"unknown"}`, `{"recipient":"x@y","outcome":"late"}`, `{"recipient":7}`} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Content-Type", "application/json")
		_, err := bounce.Receiver{}.Receive(r, []byte(wrong), now)
		require.Equal(t, "receipt.unreadable", fault.From(err).Key, wrong)
	}
}

// FuzzBounce: whatever comes as a mail is read or refused, and what is kept of it
// is short, on one line, and fit for the database.
func FuzzBounce(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.eml"))
	require.NoError(f, err)
	require.NotEmpty(f, names)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := bounce.Read(raw, "", now)
		if err != nil {
			require.Equal(t, fault.Invalid, fault.CodeOf(err))
			require.Empty(t, got)
			return
		}
		for _, r := range got {
			require.Contains(t, []deliver.Outcome{deliver.Bounced, deliver.Delivered, deliver.HandedOver}, r.Outcome)
			require.LessOrEqual(t, len(r.Code), 11)
			require.LessOrEqual(t, utf8.RuneCountInString(r.Note), 200)
			require.True(t, utf8.ValidString(r.Note))
			require.False(t, strings.ContainsFunc(r.Note, unicode.IsControl))
			require.LessOrEqual(t, len(r.To), 16)
		}
	})
}
