package formula

import (
	"crypto/aes"
	"crypto/sha1" // as published
	"encoding/base64"
	"errors"
	"strings"
)

// AESKey is what Java's KeyGenerator("AES") makes of SecureRandom("SHA1PRNG")
// seeded with the access key (intl 0070649063): bits is 256 for encryptType 1,
// 128 for 2.
func AESKey(accessKey string, bits int) []byte {
	state := sha1.Sum([]byte(accessKey))
	var stream []byte
	for len(stream)*8 < bits {
		output := sha1.Sum(state[:])
		stream = append(stream, output[:]...)
		before := state
		carry := int16(1)
		for i := range state {
			sum := int16(int8(before[i])) + int16(int8(output[i])) + carry
			state[i] = byte(sum & 0xff)
			carry = sum >> 8
		}
		if state == before {
			state[0]++
		}
	}
	return stream[:bits/8]
}

// Encrypt is iv + base64(AES_CBC(accessKey, text)) with PKCS5 padding; the IV is
// 16 characters of ASCII.
func Encrypt(accessKey string, bits int, iv, text string) string {
	block, err := aes.NewCipher(AESKey(accessKey, bits))
	if err != nil {
		panic(err) // 16 and 32 bytes are right sizes
	}
	missing := 16 - len(text)%16
	plain := []byte(text + strings.Repeat(string(rune(missing)), missing))
	previous := []byte(iv)
	out := make([]byte, len(plain))
	for at := 0; at < len(plain); at += 16 {
		for i := range 16 {
			plain[at+i] ^= previous[i]
		}
		block.Encrypt(out[at:at+16], plain[at:at+16])
		previous = out[at : at+16]
	}
	return iv + base64.StdEncoding.EncodeToString(out)
}

// Decrypt undoes Encrypt.
func Decrypt(accessKey string, bits int, field string) (string, error) {
	if len(field) <= 16 {
		return "", errors.New("shorter than its IV")
	}
	sealed, err := base64.StdEncoding.DecodeString(field[16:])
	if err != nil || len(sealed) == 0 || len(sealed)%16 != 0 {
		return "", errors.New("no whole blocks")
	}
	block, err := aes.NewCipher(AESKey(accessKey, bits))
	if err != nil {
		return "", err
	}
	previous := []byte(field[:16])
	out := make([]byte, len(sealed))
	for at := 0; at < len(sealed); at += 16 {
		block.Decrypt(out[at:at+16], sealed[at:at+16])
		for i := range 16 {
			out[at+i] ^= previous[i]
		}
		previous = sealed[at : at+16]
	}
	n := int(out[len(out)-1])
	if n < 1 || n > 16 || string(out[len(out)-n:]) != strings.Repeat(string(rune(n)), n) {
		return "", errors.New("wrong padding")
	}
	return string(out[:len(out)-n]), nil
}
