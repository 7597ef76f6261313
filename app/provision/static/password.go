package static

import (
	"cmp"
	"crypto/rand"
	"math/big"

	"koodesk/app/store"
)

// The alphabet of generated passwords leaves out what people mistake for
// something else when they read it aloud or copy it (0 O o, 1 l I), and signs
// that mean something in HTML, shells or URLs.
var alphabets = map[string]string{
	store.PasswordLower:  "abcdefghijkmnpqrstuvwxyz",
	store.PasswordUpper:  "ABCDEFGHJKLMNPQRSTUVWXYZ",
	store.PasswordDigit:  "23456789",
	store.PasswordSymbol: "@#%*+=?_-",
}

// generatePassword makes an initial password as the product wants it: of that
// length, with at least one character of each of its classes and none of others.
// Without a wish it has 16 of all, about 96 bits.
func generatePassword(s store.ProductSettings) string {
	classes := s.PasswordClasses
	if len(classes) == 0 {
		classes = store.PasswordClasses()
	}
	length := cmp.Or(s.PasswordLength, store.DefaultPasswordLength)
	b, all := make([]byte, 0, length), ""
	for _, class := range classes {
		set := alphabets[class]
		b, all = append(b, set[below(len(set))]), all+set
	}
	for len(b) < length {
		b = append(b, all[below(len(all))])
	}
	for i := len(b) - 1; i > 0; i-- { // so that the guaranteed ones stand anywhere
		j := below(i + 1)
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// below gives a uniform number in [0, n).
func below(n int) int {
	v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil { // crypto/rand does not fail on supported systems
		panic(err)
	}
	return int(v.Int64())
}
