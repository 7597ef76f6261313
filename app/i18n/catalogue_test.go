package i18n

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestCataloguesSayTheSameThings(t *testing.T) {
	t.Parallel()
	zh, en := catalogues()[ZhCN], catalogues()[En]
	for key, text := range zh {
		other, ok := en[key]
		if !ok {
			t.Errorf("%s is in zh-CN only", key)
			continue
		}
		require.Equal(t, names(text), names(other), "%s: the placeholders differ", key)
	}
	for key := range en {
		if _, ok := zh[key]; !ok {
			t.Errorf("%s is in en only", key)
		}
	}
}

// names are the placeholders of a text, each once, in order of the alphabet: the
// languages may put them in different places.
func names(t text) []string {
	var all []string
	for _, form := range t {
		all = append(all, placeholders(form)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestNoTextIsEmptyOrUnfinished(t *testing.T) {
	t.Parallel()
	for l, texts := range catalogues() {
		for key, forms := range texts {
			for form, s := range forms {
				if s == " " { // between two units of a duration
					continue
				}
				require.NotEmpty(t, s, "%s %s %v", l, key, form)
				require.NotContains(t, s, "⟦", "%s %s", l, key)
			}
		}
	}
}

func TestChineseIsSetAsChineseIs(t *testing.T) {
	t.Parallel()
	for key, forms := range catalogues()[ZhCN] {
		for _, s := range forms {
			for _, half := range []string{"，,", ",，", "。.", "（(", "“\""} {
				require.NotContains(t, s, half, key)
			}
			require.NotRegexp(t, `\p{Han}[,;!?]`, s, "%s: half-width punctuation after Chinese", key)
		}
	}
}

func TestLoadRefusesABrokenCatalogue(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"no JSON":       `{`,
		"a number":      `{"a": 1}`,
		"a broken form": `{"a": {"one": 1, "other": "x"}}`,
	} {
		_, err := load(fstest.MapFS{"catalogue/en/x.json": {Data: []byte(content)}}, En)
		require.Error(t, err, name)
	}
	_, err := load(fstest.MapFS{"catalogue/en/a.json": {Data: []byte(`{"a":"x"}`)}, "catalogue/en/b.json": {Data: []byte(`{"a":"y"}`)}}, En)
	require.ErrorContains(t, err, "written twice")
	_, err = load(fstest.MapFS{}, En)
	require.Error(t, err)
}
