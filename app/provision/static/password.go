package static

import (
	"crypto/rand"
	"math/big"
)

// The alphabet of generated passwords leaves out what people mistake for
// something else when they read it aloud or copy it (0 O o, 1 l I), and signs
// that mean something in HTML, shells or URLs.
const (
	lowers  = "abcdefghijkmnpqrstuvwxyz"
	uppers  = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits  = "23456789"
	symbols = "@#%*+=?_-"

	passwordLength = 16
)

// generatePassword makes an initial password: 16 characters with at least one
// lower-case letter, upper-case letter, digit and symbol, about 96 bits.
func generatePassword() string {
	sets := []string{lowers, uppers, digits, symbols}
	b := make([]byte, 0, passwordLength)
	for _, set := range sets {
		b = append(b, set[below(len(set))])
	}
	all := lowers + uppers + digits + symbols
	for len(b) < passwordLength {
		b = append(b, all[below(len(all))])
	}
	for i := len(b) - 1; i > 0; i-- { // so that the four guaranteed ones stand anywhere
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
