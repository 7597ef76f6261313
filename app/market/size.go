package market

import (
	"strconv"
	"strings"
)

// Size is how much of a V1.0 product is bought, by its linear attributes: a
// product may have all three. 0 is not given. V2.0 has one number without a unit,
// ProductInfo's LinearValue.
type Size struct {
	Amount    int64 // pieces
	DiskSize  int64 // GB
	BandWidth int64 // Mbps
}

// Linear is the size in one number: the first linear attribute that is given.
func (s Size) Linear() int64 {
	for _, n := range [...]int64{s.Amount, s.DiskSize, s.BandWidth} {
		if n > 0 {
			return n
		}
	}
	return 0
}

// Covers tells whether a size is nowhere less than another.
func (s Size) Covers(other Size) bool {
	return s.Amount >= other.Amount && s.DiskSize >= other.DiskSize && s.BandWidth >= other.BandWidth
}

// With is the size after a call that names some of the attributes: the others
// stay.
func (s Size) With(named Size) Size {
	for _, f := range [...]struct {
		to *int64
		n  int64
	}{{&s.Amount, named.Amount}, {&s.DiskSize, named.DiskSize}, {&s.BandWidth, named.BandWidth}} {
		if f.n > 0 {
			*f.to = f.n
		}
	}
	return s
}

// Said is the size when an order query says n, which names no attribute: n is of
// the first that is given.
func (s Size) Said(n int64) Size {
	for _, f := range [...]*int64{&s.Amount, &s.DiskSize, &s.BandWidth} {
		if *f > 0 && n > 0 {
			*f = n
			break
		}
	}
	return s
}

// Sized is a product as the history names it: its id, and the size of a linear
// one.
func (p ProductInfo) Sized() string { return sized(p.ProductID, p) }

// Whole is Sized with the specification, for people who compare.
func (p ProductInfo) Whole() string {
	if p.SkuCode == "" {
		return p.Sized()
	}
	return sized(p.ProductID+" / "+p.SkuCode, p)
}

func sized(name string, p ProductInfo) string {
	pieces := p.Amount
	if p.Size == (Size{}) {
		pieces = p.LinearValue
	}
	if pieces > 0 {
		name += " × " + strconv.FormatInt(pieces, 10)
	}
	parts := []string{name}
	if p.DiskSize > 0 {
		parts = append(parts, strconv.FormatInt(p.DiskSize, 10)+" GB")
	}
	if p.BandWidth > 0 {
		parts = append(parts, strconv.FormatInt(p.BandWidth, 10)+" Mbps")
	}
	return strings.Join(parts, " · ")
}

// Resized makes one entry of a change of product and size: changes without the
// one of the product, and with it when before and after differ.
func Resized(changes []Change, before, after string) []Change {
	out := make([]Change, 0, len(changes)+1)
	if before != after {
		out = append(out, Change{Kind: ProductChanged, Old: before, New: after})
	}
	for _, c := range changes {
		if c.Kind != ProductChanged {
			out = append(out, c)
		}
	}
	return out
}
