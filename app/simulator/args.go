package simulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"

	"koodesk/app/market"
)

// separate sorts words from flags, which may stand before and after them. The
// word decides which flags there are, so a flag is looked up in all sets; the
// sets agree on which flags take a value.
func separate(args []string) (words, flags []string, err error) {
	sets := []*flag.FlagSet{new(callFlags).set(), new(journeyFlags).set(), new(marketFlags).set(), new(smsFlags).set()}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, isFlag := flagName(arg)
		switch {
		case arg == "--":
			return append(words, args[i+1:]...), flags, err
		case !isFlag:
			words = append(words, arg)
			continue
		case name == "h" || name == "help":
			err = flag.ErrHelp
			continue
		}
		f := lookup(sets, name)
		if f == nil {
			return words, nil, fmt.Errorf("unknown flag --%s; --help lists them", name)
		}
		flags = append(flags, arg)
		if strings.Contains(arg, "=") || isBool(f) {
			continue
		}
		if i++; i == len(args) {
			return words, nil, fmt.Errorf("flag --%s needs a value", name)
		}
		flags = append(flags, args[i])
	}
	return words, flags, err
}

func flagName(arg string) (string, bool) {
	name := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
	if name == arg || name == "" {
		return "", false
	}
	name, _, _ = strings.Cut(name, "=")
	return name, true
}

func lookup(sets []*flag.FlagSet, name string) *flag.Flag {
	for _, s := range sets {
		if f := s.Lookup(name); f != nil {
			return f
		}
	}
	return nil
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// parse reads flags that separate has sorted out.
func parse(set *flag.FlagSet, flags []string) error {
	set.SetOutput(io.Discard)
	err := set.Parse(flags)
	if err == nil {
		return nil
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return fmt.Errorf("%s has no flag --%s; --help lists them", set.Name(), name)
	}
	return err
}

// target are the flags that say whom to call.
type target struct{ url, protocol, key string }

func (t *target) register(set *flag.FlagSet) {
	set.StringVar(&t.url, "url", "", "production `address`, e.g. http://127.0.0.1:8080/koogallery/default")
	set.StringVar(&t.protocol, "protocol", "v2", "protocol `generation`: v2 or v1 (SaaS Access Guide V2.0, V1.0), license (online License), license-v1 (License 1.0), license-code, order-notice")
	set.StringVar(&t.key, "key", "", "access `key` of the channel's interface class: basic, license for license-code, general for order-notice; - reads it from standard input")
}

// check says what is missing or wrong, and reads the key.
func (t *target) check(stdin io.Reader) error {
	if t.url == "" {
		return errors.New("--url is missing: the production address to call")
	}
	u, err := url.Parse(t.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--url %q is not an http or https address", t.url)
	}
	if !canPlay(market.Protocol(t.protocol)) {
		return fmt.Errorf("--protocol %q is unknown; %s can be played", t.protocol, names(playable))
	}
	t.key, err = secret("--key", t.key, stdin)
	return err
}

func names(list []market.Protocol) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = string(p)
	}
	return strings.Join(out, ", ")
}

// secret is a flag's value, or the first line of standard input for "-".
func secret(name, value string, stdin io.Reader) (string, error) {
	if value == "-" {
		line, err := bufio.NewReader(stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("%s: standard input: %w", name, err)
		}
		value = strings.TrimSpace(line)
	}
	if value == "" {
		return "", fmt.Errorf("%s is missing", name)
	}
	return value, nil
}

// fieldFlag collects --field name=value and name:=JSON.
type fieldFlag Fields

func (f fieldFlag) String() string { return "" }

func (f fieldFlag) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	raw := strings.HasSuffix(name, ":")
	name = strings.TrimSuffix(name, ":")
	if !ok || name == "" {
		return errors.New("want name=value")
	}
	if name == "productInfo" { // the only documented field that is no string
		raw = true
	}
	if !raw {
		f[name] = value
		return nil
	}
	if !json.Valid([]byte(value)) {
		return fmt.Errorf("the value of %s is not JSON", name)
	}
	f[name] = json.RawMessage(value)
	return nil
}

// listFlag collects a flag that may come several times or with commas.
type listFlag []string

func (l *listFlag) String() string { return "" }

func (l *listFlag) Set(s string) error {
	*l = append(*l, strings.Split(s, ",")...)
	return nil
}
