package main

import (
	"crypto/rand"
	"sync"
)

// tenants is what a real product keeps in its database.
type tenants struct {
	mu   sync.Mutex
	by   map[string]*tenant // by instance_id: one tenant each, however often it is asked for
	done map[string]bool    // webhook-ids that took effect: a repeat takes none
}

type tenant struct {
	InstanceID string   `json:"instance_id"`
	ProductID  string   `json:"product_id"`
	ExpiresAt  string   `json:"expires_at"`
	State      string   `json:"state"` // active, frozen, gone
	Seen       []string `json:"seen"`  // the events, in their order
	access     access
}

func newTenants() *tenants { return &tenants{by: map[string]*tenant{}, done: map[string]bool{}} }

// make gives the access data of an instance's tenant, and makes it at the first
// time.
func (t *tenants) make(id string, i instance) access {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.by[i.InstanceID]; one != nil {
		return one.access
	}
	t.done[id] = true
	one := &tenant{InstanceID: i.InstanceID, ProductID: i.Product.ProductID, ExpiresAt: text(i.ExpiresAt), State: "active",
		Seen:   []string{"instance.provision"},
		access: access{FrontEndURL: "https://" + i.InstanceID + ".tenants.example.com/", UserName: "admin", Password: rand.Text()}}
	t.by[i.InstanceID] = one
	return one.access
}

// follow does what an event says, once.
func (t *tenants) follow(id string, e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.by[e.Data.InstanceID]
	if one == nil || t.done[id] {
		return
	}
	t.done[id] = true
	one.Seen = append(one.Seen, e.Type)
	switch e.Type {
	case "instance.renewed": // also a cancelled renewal: the date may move back
		one.ExpiresAt = text(e.Data.ExpiresAt)
	case "instance.frozen":
		one.State = "frozen" // keep the data, let nobody in
	case "instance.unfrozen":
		one.State = "active"
	case "instance.upgraded":
		one.ProductID = e.Data.Product.ProductID
	case "instance.released":
		one.State = "gone" // delete the data as your terms say
	}
}

func (t *tenants) all() []tenant {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []tenant{}
	for _, one := range t.by {
		out = append(out, *one)
	}
	return out
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
