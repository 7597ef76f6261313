package market_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

func TestOrderLineIsFound(t *testing.T) {
	t.Parallel()
	one := market.Order{Lines: []market.OrderLine{{OrderLineID: "A-1"}}}
	two := market.Order{Lines: []market.OrderLine{{OrderLineID: "A-1"}, {OrderLineID: "A-2", PeriodNumber: 2}}}
	for _, c := range []struct {
		name  string
		order market.Order
		id    string
		want  string
		found bool
	}{
		{"by id", two, "A-2", "A-2", true},
		{"another id", two, "A-3", "", false},
		{"the only line needs no id", one, "", "A-1", true},
		{"one of several needs an id", two, "", "", false},
		{"the only line is not taken for another", one, "A-2", "", false},
		{"no lines", market.Order{}, "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, found := c.order.Line(c.id)
			require.Equal(t, c.found, found)
			require.Equal(t, c.want, l.OrderLineID)
		})
	}
}

func TestOrderLineProductAndParam(t *testing.T) {
	t.Parallel()
	l := market.OrderLine{
		Products: []market.ProductInfo{{SkuCode: "only a sku"}, {ProductID: "OFFI1"}, {ProductID: "OFFI2"}},
		Params:   []market.ExtendParam{{Name: "emailDomainName", Value: "test.example.com"}},
	}
	p, ok := l.Product()
	require.True(t, ok)
	require.Equal(t, "OFFI1", p.ProductID)
	_, ok = market.OrderLine{Products: l.Products[:1]}.Product()
	require.False(t, ok)

	v, ok := l.Param("emailDomainName")
	require.True(t, ok)
	require.Equal(t, "test.example.com", v)
	_, ok = l.Param("ip")
	require.False(t, ok)
}

func TestParseStamp(t *testing.T) {
	t.Parallel()
	china := time.FixedZone("CST", 8*3600)
	for _, c := range []struct {
		in   string
		zone *time.Location
		want time.Time
	}{
		{"20230726155959", time.UTC, time.Date(2023, 7, 26, 15, 59, 59, 0, time.UTC)},
		{"20221124023618256", time.UTC, time.Date(2022, 11, 24, 2, 36, 18, 0, time.UTC)},
		{" 20230726155959 ", time.UTC, time.Date(2023, 7, 26, 15, 59, 59, 0, time.UTC)},
		{"20230726235959", china, time.Date(2023, 7, 26, 15, 59, 59, 0, time.UTC)},
	} {
		got, err := market.ParseStamp(c.in, c.zone)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.in)
		require.Equal(t, time.UTC, got.Location())
	}
	for _, bad := range []string{"", "20230726", "2023072615595", "20231326155959", "20230231155959", "20230726155959abc", "2023-07-26 15:59", "99999999999999"} {
		_, err := market.ParseStamp(bad, time.UTC)
		require.ErrorContains(t, err, "14 or 17 digits", bad)
	}
	require.Equal(t, "20230726235959", market.FormatStamp(time.Date(2023, 7, 26, 15, 59, 59, 0, time.UTC), china))
}
