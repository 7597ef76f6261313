package view

// UsageRow is what was used of an instance, or of one billing item of a package.
type UsageRow struct {
	Related   string // the pay-per-use instance that it is about
	Value     string
	At        Time
	Dashboard string // masked
}

// Usage is what the seller's product last reported of an instance.
type Usage struct {
	Show     bool   // its use belongs to KooGallery
	Call     string // by which it is reported
	Reported Time   // zero: never
	Rows     []UsageRow
}
