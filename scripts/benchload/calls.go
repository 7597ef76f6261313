package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas2"
	"koodesk/app/simulator"
)

// purchase is one order line and the instance that the program made for it.
type purchase struct {
	order, instance string
}

// caller makes up calls and judges their answers. One client uses it at a time.
type caller interface {
	// next writes a whole HTTP request.
	next() []byte
	// judge is nil if the answer is the right one, to the byte.
	judge(answer) error
}

// signer writes signed calls to one production address. Calls are signed one by
// one, in this process, while the clock of the measurement runs.
type signer struct {
	host, path, key string
	random          *rand.Rand
	request, body   []byte
	expected        []byte
}

func newSigner(host, channel, key string) *signer {
	return &signer{host: host, path: "/koogallery/" + channel, key: key,
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
}

// sign makes a request of s.body, with a new nonce in the form of the published
// samples.
func (s *signer) sign() []byte {
	query := saas2.Sign(s.key, time.Now(), s.digits(64, "0123456789ABCDEF"), s.body)
	r := append(s.request[:0], "POST "...)
	r = append(r, s.path...)
	r = append(r, '?')
	r = append(r, query...)
	r = append(r, " HTTP/1.1\r\nHost: "...)
	r = append(r, s.host...)
	r = append(r, "\r\nAccept: application/json\r\nContent-Type: application/json;charset=utf8\r\nContent-Length: "...)
	r = strconv.AppendInt(r, int64(len(s.body)), 10)
	r = append(r, "\r\n\r\n"...)
	s.request = append(r, s.body...)
	return s.request
}

// judge also checks Body-Sign, as the marketplace would.
func (s *signer) judge(a answer) error {
	if a.status != 200 || !bytes.Equal(a.body, s.expected) {
		return fmt.Errorf("answered with status %d %s instead of 200 %s", a.status, a.body, s.expected)
	}
	return crypt.VerifyBodySign(s.key, string(a.sign), a.body)
}

// digits makes n random ones of 16. They need not be hard to guess here.
func (s *signer) digits(n int, alphabet string) string {
	b := make([]byte, n)
	for i := 0; i < n; i += 16 {
		v := s.random.Uint64()
		for k := i; k < min(n, i+16); k++ {
			b[k] = alphabet[v&15]
			v >>= 4
		}
	}
	return string(b)
}

func (s *signer) uuid() string {
	h := s.digits(32, "0123456789abcdef")
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// newPurchase fills the body of newInstance for an order.
func (s *signer) newPurchase(order, business string) {
	b := append(s.body[:0], `{"activity":"newInstance","businessId":"`...)
	b = append(b, business...)
	b = append(b, `","orderId":"`...)
	b = append(b, order...)
	b = append(b, `","orderLineId":"`...)
	b = append(b, simulator.LineID(order)...)
	s.body = append(b, `"}`...)
}

// processing is the right answer to a purchase whose instance is under way.
func processing(instance string) []byte {
	return saas2.Encode(market.NewInstance, market.Answer{Code: market.Processing, InstanceID: instance})
}

// buyer sends new purchases and remembers the first ones if asked to.
type buyer struct {
	*signer
	ids   *simulator.IDs
	keep  int
	kept  []purchase
	order string
	id    string
}

func (b *buyer) next() []byte {
	b.order, b.id = b.ids.OrderID(), b.uuid()
	b.newPurchase(b.order, b.id)
	b.expected = processing(b.id)
	return b.sign()
}

func (b *buyer) judge(a answer) error {
	err := b.signer.judge(a)
	if err == nil && len(b.kept) < b.keep {
		b.kept = append(b.kept, purchase{order: b.order, instance: b.id})
	}
	return err
}

// repeater sends known purchases again, in turn, as the marketplace does: with a
// businessId that is new on each arrival.
type repeater struct {
	*signer
	lines []purchase
	turn  *atomic.Uint64 // shared by all clients
}

func (r *repeater) next() []byte {
	p := r.lines[r.turn.Add(1)%uint64(len(r.lines))]
	r.newPurchase(p.order, r.uuid())
	r.expected = processing(p.instance)
	return r.sign()
}

// asker queries active instances in turn.
type asker struct {
	*signer
	lines []purchase
	turn  *atomic.Uint64
}

func (q *asker) next() []byte {
	id := q.lines[q.turn.Add(1)%uint64(len(q.lines))].instance
	b := append(q.body[:0], `{"activity":"queryInstance","instanceId":"`...)
	b = append(b, id...)
	q.body = append(b, `"}`...)
	app := accessOf(id)
	q.expected = saas2.Encode(market.QueryInstance, market.Answer{Code: market.Success,
		Info: []market.InstanceInfo{{InstanceID: id, App: &app}}})
	return q.sign()
}

// accessOf is what the customer of an active instance is given.
func accessOf(instance string) market.AppInfo {
	return market.AppInfo{FrontEndURL: "https://app.example.com/i/" + instance, UserName: "admin", Password: "Kd7-" + hex.EncodeToString([]byte(instance[:6]))}
}

// prober asks whether the process is alive: HTTP and nothing else.
type prober struct{ request []byte }

func newProber(host string) *prober {
	return &prober{request: []byte("GET /healthz HTTP/1.1\r\nHost: " + host + "\r\n\r\n")}
}

func (p *prober) next() []byte { return p.request }

func (p *prober) judge(a answer) error {
	if a.status != 200 {
		return fmt.Errorf("/healthz answered with status %d", a.status)
	}
	return nil
}
