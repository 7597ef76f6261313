package saas2

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

func TestQueryIDs(t *testing.T) {
	t.Parallel()
	many := make([]string, MaxQueryIDs)
	for i := range many {
		many[i] = strings.Repeat("中", 61) + fmt.Sprintf("%03d", i)
	}
	ids := func(v string) ([]string, error) {
		quoted, err := json.Marshal(v)
		require.NoError(t, err)
		c, err := Decode(bodyWith(market.QueryInstance, "instanceId", string(quoted)))
		return c.InstanceIDs, err
	}
	for v, want := range map[string][]string{
		"a": {"a"}, "a,b": {"a", "b"}, "b, a ,c": {"b", "a", "c"}, "a,a,b,a": {"a", "b"}, " a": {"a"}, "a b": {"a b"},
		strings.Join(many, ","): many,
	} {
		got, err := ids(v)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for v, want := range map[string]struct{ key, field string }{
		",":                                  {keyMissing, "instanceId[0]"},
		"a,":                                 {keyMissing, "instanceId[1]"},
		"a,,b":                               {keyMissing, "instanceId[1]"},
		"a,b, \t":                            {keyMissing, "instanceId[2]"},
		"a,b\x00":                            {keyControl, "instanceId[1]"},
		"a\t,b":                              {keyControl, "instanceId[0]"},
		"a," + strings.Repeat("x", 65):       {keyTooLong, "instanceId[1]"},
		strings.Repeat("x", 65):              {keyTooLong, "instanceId"},
		strings.Join(many, ",") + ",x":       {keyTooMany, "instanceId"},
		strings.Repeat(",", 1<<20-100):       {keyTooMany, "instanceId"},
		strings.Repeat("x,", MaxQueryIDs):    {keyTooMany, "instanceId"},
		strings.Repeat("x,", MaxQueryIDs-1):  {keyMissing, "instanceId[99]"},
		strings.Repeat("y", 1<<20-100) + ",": {keyTooLong, "instanceId[0]"},
	} {
		got, err := ids(v)
		refused(t, err, want.key, want.field)
		require.Empty(t, got)
	}
}

func TestProductInfo(t *testing.T) {
	t.Parallel()
	one := market.ProductInfo{ProductID: "OFFI1", SkuCode: "sku", LinearValue: 10, ProductName: "商品,规格"}
	for literal, want := range map[string][]market.ProductInfo{
		`{"productId":"OFFI1","skuCode":"sku","linearValue":10,"productName":"商品,规格","new":{"x":[1]}}`: {one},
		`[{"productName":"商品,规格","linearValue":"10","skuCode":"sku","productId":"OFFI1"}]`:             {one},
		`[{"productId":1},{"skuCode":"s","linearValue":null}]`:                                         {{ProductID: "1"}, {SkuCode: "s"}},
		`{"productId":"a","linearValue":9223372036854775807}`:                                          {{ProductID: "a", LinearValue: 1<<63 - 1}},
		`{"productId":"a","linearValue":""}`:                                                           {{ProductID: "a"}},
		"[" + strings.Repeat(`{"skuCode":"s"},`, maxProducts-1) + `{"skuCode":"s"}]`:                   repeat(market.ProductInfo{SkuCode: "s"}, maxProducts),
		`{"productId":"` + strings.Repeat("中", 64) + `","skuCode":"` + strings.Repeat("s", 64) + `"}`:  {{ProductID: strings.Repeat("中", 64), SkuCode: strings.Repeat("s", 64)}},
	} {
		c, err := Decode(bodyWith(market.ChangeInstanceCheck, "productInfo", literal))
		require.NoError(t, err, literal)
		require.Equal(t, want, c.Products)
	}
	for literal, want := range map[string]struct{ key, field string }{
		`[]`:                                   {keyMissing, "productInfo"},
		`{}`:                                   {keyMissing, "productInfo.productId"},
		`{"productId":null,"skuCode":" "}`:     {keyMissing, "productInfo.productId"},
		`[{"productId":"a"},{}]`:               {keyMissing, "productInfo[1].productId"},
		`"OFFI1"`:                              {keyType, "productInfo"},
		`1`:                                    {keyType, "productInfo"},
		`["OFFI1"]`:                            {keyType, "productInfo[0]"},
		`[null]`:                               {keyType, "productInfo[0]"},
		`[[{"productId":"a"}]]`:                {keyType, "productInfo[0]"},
		`{"productId":{"a":1}}`:                {keyType, "productInfo.productId"},
		`{"productId":"a","skuCode":"\u0000"}`: {keyControl, "productInfo.skuCode"},
		`{"productId":"a","productName":"` + strings.Repeat("n", 1025) + `"}`:      {keyTooLong, "productInfo.productName"},
		`{"productId":"` + strings.Repeat("n", 65) + `"}`:                          {keyTooLong, "productInfo.productId"},
		`[{"productId":"a"},{"skuCode":"` + strings.Repeat("n", 65) + `"}]`:        {keyTooLong, "productInfo[1].skuCode"},
		`{"productId":"a","linearValue":1.5}`:                                      {keyFormat, "productInfo.linearValue"},
		`{"productId":"a","linearValue":-1}`:                                       {keyFormat, "productInfo.linearValue"},
		`{"productId":"a","linearValue":9223372036854775808}`:                      {keyFormat, "productInfo.linearValue"},
		`{"productId":"a","linearValue":"ten"}`:                                    {keyFormat, "productInfo.linearValue"},
		"[" + strings.Repeat(`{"skuCode":"s"},`, maxProducts) + `{"skuCode":"s"}]`: {keyTooMany, "productInfo"},
	} {
		c, err := Decode(bodyWith(market.ChangeInstanceCheck, "productInfo", literal))
		refused(t, err, want.key, want.field)
		require.Empty(t, c.Products)
		require.Equal(t, "10e758d0", c.InstanceID())
	}
}

func repeat[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}
