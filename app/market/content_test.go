package market_test

import (
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/market"
)

// unsaid are the fields of a call that are none of the marketplace's, or that others
// say already.
var unsaid = map[string]bool{"Protocol": true, "Activity": true, "Content": true, "ContentHash": true, "SpelledHash": true, "Terms.Platform": true}

// Whatever field a call gets one day, it must say it: else a repeat could hide another
// content.
func TestACallSaysEachOfItsFields(t *testing.T) {
	t.Parallel()
	seen := map[string]string{"": "nothing"}
	for path, set := range settable(reflect.TypeOf(market.Call{}), "") {
		if unsaid[path] {
			continue
		}
		c := market.Call{InstanceIDs: []string{""}, Products: make([]market.ProductInfo, 1), Terms: &market.Terms{Params: make([]market.ExtendParam, 1)}}
		before := c.Says()
		set(reflect.ValueOf(&c).Elem())
		says := c.Says()
		require.NotEqual(t, before, says, path)
		require.NotContains(t, seen, says, "%s is said as %s", path, seen[says])
		seen[says] = path
	}
	require.Greater(t, len(seen), 35)
	require.Empty(t, market.Call{Terms: &market.Terms{}}.Says())
}

// settable are the leaves of a type by their path, each with what sets it.
func settable(of reflect.Type, path string) map[string]func(reflect.Value) {
	out := map[string]func(reflect.Value){}
	below := func(of reflect.Type, path string, reach func(reflect.Value) reflect.Value) {
		for p, set := range settable(of, path) {
			out[p] = func(v reflect.Value) { set(reach(v)) }
		}
	}
	first := func(v reflect.Value) reflect.Value { return v.Index(0) }
	switch {
	case unsaid[path]:
	case of == reflect.TypeOf(time.Time{}):
		out[path] = func(v reflect.Value) { v.Set(reflect.ValueOf(time.Unix(1, 1))) }
	case of.Kind() == reflect.Struct:
		for i := range of.NumField() {
			name := of.Field(i).Name
			if path != "" {
				name = path + "." + name
			}
			below(of.Field(i).Type, name, func(v reflect.Value) reflect.Value { return v.Field(i) })
		}
	case of.Kind() == reflect.Pointer:
		below(of.Elem(), path, reflect.Value.Elem)
	case of.Kind() == reflect.Slice:
		below(of.Elem(), path, first)
	case of.Kind() == reflect.String:
		out[path] = func(v reflect.Value) { v.SetString("7") }
	case of.Kind() == reflect.Bool:
		out[path] = func(v reflect.Value) { v.SetBool(true) }
	default:
		out[path] = func(v reflect.Value) { v.SetInt(7) }
	}
	return out
}

func TestDecimalsSayTheirNumber(t *testing.T) {
	t.Parallel()
	said := map[string]int{}
	for n, same := range [][]string{{""}, {"0", "0.0", "-0", "-0.000", "00"}, {"10", "10.0", "010", "10.000"}, {"-10", "-10.00", "-010"}, {"0.5", "00.50"}, {"-0.5", "-0.500"},
		{"1"}, {"100"}, {"0.001"}, {"0.01"}, {"5"}, {"1.05"}, {"1.5"}, {"10.5"}, {"9007199254740993"}, {"9007199254740992"}} {
		for _, amount := range same {
			says := market.Call{Terms: &market.Terms{OrderAmount: amount}}.Says()
			other, known := said[says]
			require.Equal(t, amount != same[0], known, amount)
			require.True(t, !known || other == n, amount)
			said[says] = n
		}
	}
}

// No value can be taken for another name, or for two.
func TestCallsSayTheSameOnlyIfTheyAreTheSame(t *testing.T) {
	t.Parallel()
	two := market.Call{InstanceIDs: []string{"a", "b"}}.Says()
	for _, one := range []string{"ab", "a,b", "a b", "a\ninstanceId b", "a\ninstanceId 1 b", "a\ninstanceId 1 b\n"} {
		require.NotEqual(t, two, market.Call{InstanceIDs: []string{one}}.Says())
	}
	word := rapid.SampledFrom([]string{"", "1", "01", " ", "a", "a,b", "name 1 a\n", "value 0 \n", "\n", "param 1 a\n", "instanceId 1 a\n", "productId 1 1\n"})
	call := rapid.Custom(func(t *rapid.T) market.Call {
		c := market.Call{OrderID: word.Draw(t, "order"), ProductID: word.Draw(t, "product"), InstanceIDs: rapid.SliceOfN(word, 0, 2).Draw(t, "ids"), Terms: &market.Terms{}}
		for range rapid.IntRange(0, 2).Draw(t, "params") {
			c.Terms.Params = append(c.Terms.Params, market.ExtendParam{Name: word.Draw(t, "name"), Value: word.Draw(t, "value")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "products") {
			c.Products = append(c.Products, market.ProductInfo{ProductID: word.Draw(t, "productId"), SkuCode: word.Draw(t, "sku"), LinearValue: rapid.Int64Range(0, 2).Draw(t, "linear")})
		}
		if len(c.InstanceIDs) == 0 {
			c.InstanceIDs = nil
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := call.Draw(t, "a"), call.Draw(t, "b")
		if rapid.Bool().Draw(t, "nearly") { // one field apart at most
			b = a
			b.OrderID = word.Draw(t, "other")
		}
		require.Equal(t, reflect.DeepEqual(a, b), a.Says() == b.Says(), "%q %q", a.Says(), b.Says())
	})
}

func TestTheHashOfAContent(t *testing.T) {
	t.Parallel()
	hash := func(activity string, fields ...market.Field) string {
		return hex.EncodeToString(market.ContentHash(activity, fields))
	}
	order, line := market.Field{Name: "orderId", Says: "orderId 1 o\n"}, market.Field{Name: "orderLineId", Says: "orderLineId 1 l\n"}
	const want = "ca65e3e20191d3b39576f56cc320b4164842c22548872b29e34993e3220ead2b" // computed elsewhere
	require.Equal(t, want, hash(market.NewInstance, order, line))
	require.Equal(t, want, hash(market.NewInstance, line, market.Field{Name: "new"}, order), "whatever their order, and a new one that says nothing")
	for _, other := range []string{hash(market.ReleaseInstance, order, line), hash(market.NewInstance, order), hash(market.NewInstance, order, market.Field{Name: "new", Says: line.Says}),
		hash(market.NewInstance, market.Field{Name: line.Name, Says: order.Says}, market.Field{Name: order.Name, Says: line.Says})} {
		require.NotEqual(t, want, other)
	}
	fields := []market.Field{line, order}
	market.ContentHash(market.NewInstance, fields)
	require.Equal(t, []market.Field{line, order}, fields, "the fields are the caller's")
}

func TestTheKeysOfAQuestion(t *testing.T) {
	t.Parallel()
	c := market.Call{Protocol: market.V2, Activity: market.ChangeInstanceCheck, InstanceIDs: []string{"i"}, ContentHash: []byte{1}, SpelledHash: []byte{2}}
	require.Equal(t, []string{"changeInstanceCheck/i/01", "changeInstanceCheck/i/02"}, c.IdempotencyKeys())
	require.Equal(t, [][]byte{{1}, {2}}, c.Hashes())
	c.SpelledHash = nil
	require.Equal(t, []string{"changeInstanceCheck/i/01"}, c.IdempotencyKeys())
	c.Activity, c.SpelledHash = market.ReleaseInstance, []byte{2}
	require.Equal(t, []string{"releaseInstance/i"}, c.IdempotencyKeys(), "its content is in no other key")
	require.Empty(t, market.Call{}.Hashes())
}
