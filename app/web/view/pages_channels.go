package view

import "koodesk/app/fault"

// The pages of production addresses.
const (
	PageChannels   = "channels/list"   // ChannelsPage
	PageChannel    = "channels/detail" // ChannelPage
	PageChannelKey = "channels/key"    // ChannelKeyPage
)

// KeyCell is how the key of a class stands.
type KeyCell struct {
	Class    string
	State    string // of the pill kind "key"; "" if there is none
	Since    Time
	Until    Time // with "retiring" and "retired"
	Used     Time
	Old      *KeyCell // the replaced key that is still valid
	Set      Action   // leads to the page that sets or replaces it
	EndOld   Action   // ends the overlap
	OldInUse []Warned // what ending it breaks
}

// ChannelRow is a production address in the list.
type ChannelRow struct {
	Slug    string
	URL     string
	Address string // what is entered in the Seller Center
	Site    string
	Encrypt int
	OpenAPI string // "": AK/SK are not set
	Keys    []KeyCell
}

// ChannelsPage is the list of production addresses.
type ChannelsPage struct {
	Shell
	Channels []ChannelRow
	Add      Action
	Prefix   string // what every address begins with
	Slug     Field
	Site     string // chosen, when the form is shown again
	Sites    []string
	Fault    *fault.Record
}

// Warned is one thing that a change would break.
type Warned struct{ What, Do Text }

// ChannelForm is what can be changed of a channel besides its secrets.
type ChannelForm struct {
	Action   Action
	Open     bool
	Fault    *fault.Record
	Site     string
	Sites    []string
	Encrypt  int
	Encrypts []int
	Pending  string
	Pendings []string
	BodySign bool
	OpenAPI  Field
	Warnings []Warned // what it would break: to be confirmed
}

// SecretForm takes AK and SK.
type SecretForm struct {
	Action Action
	Open   bool
	AK, SK Field
}

// ChannelPage is one production address.
type ChannelPage struct {
	Shell
	Channel ChannelRow
	Facts   []Fact
	Old     []KeyCell // keys that prove nothing any more
	Form    ChannelForm
	Secrets SecretForm
	NoAKSK  bool
}

// ChannelKeyPage sets or replaces the key of a class.
type ChannelKeyPage struct {
	Shell
	Slug     string
	Back     string
	Cell     KeyCell
	Save     Action
	Key      Field
	End      bool     // the present key ends at once
	Warnings []Warned // what it breaks if the present key stays valid for a day
	EndsNow  []Warned // what it breaks if it ends at once
	More     []Warned // what only the key that was typed shows
	Confirm  bool     // it has to be confirmed
	Wrong    Text     // that was not done
	Fault    *fault.Record
}
