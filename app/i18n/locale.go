// Package i18n is the product's two languages: catalogues of texts, plurals,
// numbers, dates and durations, and what a fault says to a person. It knows no
// web framework, no template and no mail; it imports only app/fault.
package i18n

import (
	"golang.org/x/text/language"
)

// Locale is one of the languages that the product speaks.
type Locale string

// The locales. Chinese is the default: the marketplace is.
const (
	ZhCN    Locale = "zh-CN"
	En      Locale = "en"
	Default        = ZhCN
)

// Locales lists every locale, the default first.
func Locales() []Locale { return []Locale{ZhCN, En} }

// Valid tells whether the product speaks l.
func (l Locale) Valid() bool { return l == ZhCN || l == En }

// Tag is the locale for golang.org/x/text.
func (l Locale) Tag() language.Tag {
	if l == En {
		return language.English
	}
	return language.SimplifiedChinese
}

var matcher = language.NewMatcher([]language.Tag{ZhCN.Tag(), En.Tag()})

// Choose picks the language of a page: what the person chose in this browser
// (a cookie's value), else what is set for the operator, else what the browser
// asks for in Accept-Language, else the default. Values that are no locale of
// ours count as absent.
func Choose(cookie, operator, acceptLanguage string) Locale {
	for _, l := range []Locale{Locale(cookie), Locale(operator)} {
		if l.Valid() {
			return l
		}
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(tags) == 0 {
		return Default
	}
	if _, i, confidence := matcher.Match(tags...); confidence > language.No {
		return Locales()[i]
	}
	return Default
}
