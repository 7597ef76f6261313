package callback_test

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

const tenant = `{"instanceId":"i1","orderId":"CS1","tenantId":"t1","name":"n","flag":1,"testFlag":0,"timeStamp":"20220413093539534"}`

// kit sends a call of the joint-operations kit to a path below the address.
func (s *site) kit(path, body string, header map[string]string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	for name, v := range header {
		req.Header.Set(name, v)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return res.StatusCode, res.Header, string(b)
}

func TestTheKitIsToldInItsFormThatItIsNotSupported(t *testing.T) {
	t.Parallel()
	s := shop(t)
	const answer = `{"resultCode":"000005","resultMsg":"the joint-operations kit is not supported"}`
	stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	v2 := map[string]string{"x-sign": hex.EncodeToString(hmacOf(kitKey, kitKey+"nonce1"+stamp+tenant)), "x-timestamp": stamp, "x-nonce": "nonce1"}
	fields := map[string]string{"instanceId": "i1", "orderId": "CS1", "tenantId": "t1", "name": "n", "flag": "1", "testFlag": "0", "timeStamp": "20220413093539534"}
	token := tokenOver(kitKey, fields, sortedBy(fields, func(a, b string) bool { return a < b }))
	token = strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=").Replace(token)
	for _, c := range []struct{ key, agent, used string }{
		{kitKey, market.OwnAgent, ""}, {storetest.BasicKey, "", ""}, {"nobody's", "", ""}, {kitKey, "", "kit"},
	} {
		sign := hex.EncodeToString(hmacOf(c.key, c.key+"nonce1"+stamp+tenant))
		s.kit("/produceAPI/v2/tenantSync", tenant, map[string]string{"x-sign": sign, "x-timestamp": stamp, "x-nonce": "nonce1", "User-Agent": c.agent})
		s.handler.Settle()
		require.Equal(t, c.used, s.text(`SELECT COALESCE(string_agg(class, ','), '') FROM channel_keys WHERE last_used_at IS NOT NULL`),
			"the marketplace's calls tell which kit key is bound, though they are refused: %+v", c)
	}
	for name, c := range map[string]struct {
		path     string
		header   map[string]string
		protocol market.Protocol
		activity string
		verdict  string
		signed   bool // the answer
	}{
		"V2.0, rightly signed":          {"/produceAPI/v2/tenantSync", v2, market.KitV2, "tenantSync", "right", false},
		"V2.0, unsigned":                {"/produceAPI/v2/allOrgSync", nil, market.KitV2, "allOrgSync", "missing", false},
		"V1.0, rightly signed":          {"/produceAPI/applicationSync", map[string]string{"authToken": token}, market.KitV1, "applicationSync", "right", true},
		"V1.0 in quotes":                {"/produceAPI/authSync", map[string]string{"authToken": `"` + token + `"`}, market.KitV1, "authSync", "right", true},
		"V1.0, wrongly signed":          {"/produceAPI/singleOrgSync", map[string]string{"authToken": strings.Repeat("A", 43) + "="}, market.KitV1, "singleOrgSync", "wrong", true},
		"a header at the plain address": {"", map[string]string{"authToken": token}, market.KitV1, "unknown", "right", true},
	} {
		t.Run(name, func(t *testing.T) {
			s.empty()
			status, header, body := s.kit(c.path, tenant, c.header)
			require.Equal(t, 200, status)
			require.Equal(t, "application/json", header.Get("Content-Type"))
			require.Equal(t, answer, body, "the same whether the signature is right or not")
			if c.signed {
				require.NoError(t, crypt.VerifyBodySign(kitKey, header.Get("Body-Sign"), []byte(body)))
			} else {
				require.Empty(t, header.Get("Body-Sign"))
			}
			d := s.diagnosis()
			require.Equal(t, market.FoundKit, d.Findings[0].Code)
			require.Equal(t, c.verdict, d.Findings[0].Args["signature"], "%+v", d)
			require.Equal(t, string(c.protocol)+" "+c.activity+" rejected CS1 i1", s.text(`SELECT protocol || ' ' || activity || ' ' || status || ' ' || order_id || ' ' || instance_id FROM messages`))
		})
	}
	status, _, _ := s.kit("/produceAPI/v2/other", tenant, nil)
	require.Equal(t, 404, status, "below produceAPI are the five interfaces and nothing else")
	status, _, _ = s.kit("/produceAPI/v2/tenantSync", "\x00[[[", nil)
	require.Equal(t, 200, status)
}

func TestNoOtherClassesKeyAnswersTheKit(t *testing.T) {
	s := openV1(t, time.Second)
	ctx := context.Background()
	require.NoError(t, s.store.Write(ctx, func(tx *store.Tx) error {
		for class, key := range map[market.KeyClass]string{market.LicenseKey: licenseKey, market.GeneralKey: generalKey} {
			if _, err := tx.SetChannelKey(ctx, 1, class, key, 0); err != nil {
				return err
			}
		}
		return nil
	}))
	status, header, _ := s.kit("/produceAPI/applicationSync", `{"instanceId":"i1"}`, map[string]string{"authToken": "abc"})
	require.Equal(t, 200, status)
	require.Empty(t, header.Get("Body-Sign"))
}
