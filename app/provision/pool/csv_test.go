package pool_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/fault"
	"koodesk/app/provision"
	"koodesk/app/provision/pool"
)

func TestFilesAsProgramsWriteThem(t *testing.T) {
	t.Parallel()
	want := []pool.Row{
		{Line: 2, Account: provision.Access{FrontEndURL: "https://a.cn", UserName: "张三", Password: `p"1,`, Memo: "第一行\n第二行"}},
		{Line: 4, Account: provision.Access{FrontEndURL: "https://b.cn", UserName: "li"}},
	}
	text := "user_name,password,front_end_url,memo\n张三,\"p\"\"1,\",https://a.cn,\"第一行\n第二行\"\nli,,https://b.cn,\n"
	for name, file := range map[string]string{
		"as it is": text, "with a byte order mark": "\xef\xbb\xbf" + text, "with CRLF": strings.ReplaceAll(text, "\n", "\r\n"),
		"without the last line end": strings.TrimSuffix(text, "\n"), "with empty rows": text + "\n,,,\n \n",
		"with a loud header": strings.Replace(text, "user_name,password", " User_Name , PASSWORD", 1),
	} {
		got, err := pool.ReadCSV([]byte(file))
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for file, key := range map[string]string{
		"":                                "pool.csv_no_header",
		"\n\n":                            "pool.csv_no_header",
		"front_end_url,user\n":            "pool.csv_column",
		"user_name\nli\n":                 "pool.csv_column",
		"front_end_url,front_end_url\n":   "pool.csv_column",
		"front_end_url;user_name\n":       "pool.csv_column",
		"front_end_url\n\xd5\xc5\xc8\xfd": "pool.csv_not_utf8",
		"front_end_url\x00":               "pool.csv_not_utf8",
	} {
		_, err := pool.ReadCSV([]byte(file))
		require.Equal(t, key, fault.From(err).Key, "%q", file)
	}
	_, err := pool.ReadCSV([]byte("front_end_url\n" + strings.Repeat("https://a.cn\n", pool.MaxRows+1)))
	require.Equal(t, "pool.too_many", fault.From(err).Key)
	rows, err := pool.ReadCSV([]byte("front_end_url\n" + strings.Repeat("https://a.cn\n", pool.MaxRows)))
	require.NoError(t, err)
	require.Len(t, rows, pool.MaxRows)
}

func TestLinesThatCannotBeReadAreNamed(t *testing.T) {
	t.Parallel()
	_, err := pool.ReadCSV([]byte("front_end_url,memo\nhttps://a.cn,x\nhttps://b.cn\nhttps://c.cn,\"a\nb\",c\nhttps://d.cn,\"x\nhttps://e.cn,y\n"))
	var refused *pool.Refused
	require.True(t, errors.As(err, &refused))
	said := []string{}
	for _, r := range refused.Rows {
		said = append(said, fmt.Sprintf("%d %s", r.Line, r.Fault.Key))
	}
	require.Equal(t, []string{"3 pool.csv_fields", "4 pool.csv_fields", "6 pool.csv_quote"}, said)
	require.Equal(t, "pool.rows_refused", fault.From(err).Key)
}

// What a program writes is read as it was.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z ,;"'\n张é]{0,12}`)
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) provision.Access {
			return provision.Access{FrontEndURL: "https://a.cn/" + rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "url"), UserName: text.Draw(t, "user"), Memo: text.Draw(t, "memo")}
		}), 1, 20).Draw(t, "rows")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		require.NoError(t, w.Write([]string{"memo", "front_end_url", "user_name"}))
		for _, a := range rows {
			require.NoError(t, w.Write([]string{a.Memo, a.FrontEndURL, a.UserName}))
		}
		w.Flush()
		got, err := pool.ReadCSV(b.Bytes())
		require.NoError(t, err, "%q", b.String())
		require.Len(t, got, len(rows))
		for i, a := range rows {
			require.Equal(t, a, got[i].Account)
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{"", "front_end_url\nhttps://a.cn\n", "\xef\xbb\xbfuser_name,front_end_url\r\n\"a\"\"\",https://a.cn\r\n", "front_end_url\n\"\n", "front_end_url,memo\n,\n\"x\ny\",z"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := pool.ReadCSV(file)
		if err != nil {
			require.Equal(t, fault.Invalid, fault.From(err).Code)
			return
		}
		last := 1
		for _, r := range rows {
			require.Greater(t, r.Line, last)
			last = r.Line
		}
		require.LessOrEqual(t, len(rows), pool.MaxRows)
	})
}
