// Command provisioner is a small seller's product: it makes a tenant for each
// instance that Koodesk asks for, and follows its life. Copy the folder and
// replace what main, tenants.make and tenants.follow do by what your product
// does; verify.go can stay as it is. It uses the standard library only.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	p := &product{
		secret:  os.Getenv("WEBHOOK_SECRET"),
		koodesk: os.Getenv("KOODESK_URL"),   // only to answer later: https://koodesk.example.com
		token:   os.Getenv("KOODESK_TOKEN"), // koodesk token create --name provisioner --role operator
		tenants: newTenants(),
	}
	if p.secret == "" {
		log.Fatal("WEBHOOK_SECRET is missing: koodesk product set prints it")
	}
	l, err := net.Listen("tcp", cmp.Or(os.Getenv("ADDR"), "127.0.0.1:9000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /koodesk", p.webhook)
	mux.HandleFunc("GET /tenants", p.list)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(l))
}

// product is what the seller sells.
type product struct {
	secret, koodesk, token string
	tenants                *tenants
}

// event is what Koodesk sends. docs/webhooks.md has every field.
type event struct {
	Type string   `json:"type"`
	Data instance `json:"data"`
}

type instance struct {
	InstanceID string  `json:"instance_id"`
	ExpiresAt  *string `json:"expires_at"` // null: does not expire
	Product    struct {
		ProductID   string `json:"product_id"`
		LinearValue int64  `json:"linear_value"`
		Amount      int64  `json:"amount"`     // of a V1.0 product: pieces,
		DiskSize    int64  `json:"disk_size"`  // GB,
		BandWidth   int64  `json:"band_width"` // Mbps
	} `json:"product"`
	Customer struct {
		CustomerID string `json:"customer_id"`
		Email      string `json:"email"`
	} `json:"customer"`
}

// access is how the customer uses a tenant.
type access struct {
	FrontEndURL string `json:"front_end_url"`
	UserName    string `json:"user_name,omitempty"`
	Password    string `json:"password,omitempty"`
}

// webhook takes an event. Any answer but 2xx makes Koodesk send it again, with
// the same webhook-id.
func (p *product) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := verify(r, p.secret, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := r.Header.Get("webhook-id")
	switch e.Type {
	case "instance.provision":
		p.provision(w, id, e.Data)
	case "instance.upgraded":
		p.tenants.follow(id, e)
		answer(w, http.StatusOK, struct{}{}) // or new access data
	default:
		p.tenants.follow(id, e)
		w.WriteHeader(http.StatusNoContent)
	}
}

// provision answers 200 with the access data; or 202 and hands it in later; or
// 409 to refuse.
func (p *product) provision(w http.ResponseWriter, id string, i instance) {
	switch i.Product.ProductID {
	case "SOLD-OUT":
		answer(w, http.StatusConflict, map[string]string{"result_code": "000106", "message": "no machines left in this region"})
	case "SLOW":
		answer(w, http.StatusAccepted, struct{}{})
		go func() {
			if err := p.handIn(i.InstanceID, p.tenants.make(id, i)); err != nil {
				log.Printf("access data of %s: %v", i.InstanceID, err)
			}
		}()
	default:
		answer(w, http.StatusOK, p.tenants.make(id, i))
	}
}

// handIn gives the access data of a tenant that took longer.
func (p *product) handIn(instance string, a access) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, p.koodesk+"/api/v1/instances/"+instance+"/access", bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// list shows the tenants, without passwords, to whoever is on this machine.
func (p *product) list(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, p.tenants.all())
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
