package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPoolsAtTheCommandLine(t *testing.T) {
	s := newShell(t)
	ok := func(args ...string) string {
		t.Helper()
		code, out, errs := s.run("", args...)
		require.Equal(t, exitOK, code, errs)
		return out
	}
	require.NoError(t, os.WriteFile("accounts.csv", []byte("user_name,front_end_url,password\nann,https://crm.example.com,geheim\nbob,https://crm.example.com,\n"), 0o600))
	require.Equal(t, "2 accounts added to pool crm (batch 1)\n", ok("pool", "add", "--pool", "crm", "--file", "accounts.csv"))
	list := ok("pool", "list", "--pool", "crm", "--status", "free")
	require.Regexp(t, `(?m)^2 +free +bob +https://crm.example.com +1 `, list)
	require.NotContains(t, list, "geheim")
	require.Equal(t, "pool crm counts as low from 5 free accounts on\n", ok("pool", "set", "--pool", "crm", "--low-water", "5"))
	require.Regexp(t, `(?m)^crm +2 \(low\) +0 +0 +5 +0 +0$`, ok("pool", "list"))

	for _, c := range []struct {
		stdin, want string
		args        []string
		code        int
	}{
		{"", "koodesk pool add: --file is missing; -h explains\n", []string{"add", "--pool", "crm"}, exitUsage},
		{"", "koodesk pool list: --status needs --pool; -h explains\n", []string{"list", "--status", "free"}, exitUsage},
		{"front_end_url,user_name\nhttps://crm.example.com,carl\ncrm,dora\nhttps://crm.example.com,carl\n",
			"line 3: front_end_url is not a valid URL\nline 4: The same account (address and user name) stands in line 2\n" +
				"koodesk: 2 rows cannot be added, the first in line 3; nothing was added. Correct the rows that are named and send all of it again.\n",
			[]string{"add", "--pool", "crm", "--file", "-"}, exitUsage},
		{"front_end_url,user_name\nhttps://crm.example.com,ann\n",
			"line 2: The pool has this account already (same address and user name)\n" +
				"koodesk: 1 rows cannot be added, the first in line 2; nothing was added. Correct the rows that are named and send all of it again.\n",
			[]string{"add", "--pool", "crm", "--file", "-"}, exitUsage},
		{"", "koodesk: There is no such pool. Check its name; a pool comes into being with its first accounts, or with the product that uses it.\n",
			[]string{"list", "--pool", "nowhere"}, exitFailed},
		{"", "koodesk pool set: --low-water: The alert threshold is not a number from 0 to 1000000; -h explains\n",
			[]string{"set", "--pool", "crm", "--low-water", "-1"}, exitUsage},
	} {
		code, _, errs := s.run(c.stdin, append([]string{"pool"}, c.args...)...)
		require.Equal(t, c.code, code, errs)
		require.Equal(t, c.want, errs)
	}
}
