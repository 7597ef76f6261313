package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/market"
)

// CodeState is an authorization code as the stand-in keeps it.
type CodeState struct {
	Status    market.CodeStatus // "": ALIVE
	Expires   time.Time
	Activated time.Time // zero: not yet
	OrderID   string
	NotTaken  bool // the buyer has not taken it yet
}

// UsageSeen is one reported record of use.
type UsageSeen struct {
	License   string
	Account   string
	ActiveNum *int64
}

// SetCode fixes an authorization code.
func (m *Market) SetCode(code string, s CodeState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.codes[code] = s
}

// Code is a code as it stands.
func (m *Market) Code(code string) CodeState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.codes[code]
}

// Usage is what was reported so far.
func (m *Market) Usage() []UsageSeen {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]UsageSeen(nil), m.usage...)
}

// code finds a code of the caller's, under the lock. Any id that begins with PL
// and that nobody fixed is one that lives for a year.
func (m *Market) code(id string) (CodeState, bool) {
	s, ok := m.codes[id]
	if !ok {
		if !strings.HasPrefix(id, "PL") {
			return s, false
		}
		s = CodeState{Expires: endOfDay(m.start.AddDate(1, 0, 0)), OrderID: "CS2611220001AAAAA"}
	}
	if s.Status == "" {
		s.Status = market.CodeAlive
	}
	return s, true
}

// asked reads a request and answers one that is wrong (公共错误码).
func (m *Market) asked(w http.ResponseWriter, r *http.Request) (license, effect string, ok bool) {
	var in struct {
		License string `json:"license"`
		Effect  string `json:"real_effect_time"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.License == "" || utf8.RuneCountInString(in.License) > 64 {
		writeLicense(w, http.StatusBadRequest, "92020002", "invalid param", nil)
		return "", "", false
	}
	if in.Effect != "" {
		if _, err := market.ParseStamp(in.Effect, time.UTC); err != nil {
			writeLicense(w, http.StatusBadRequest, "92020002", "invalid param", nil)
			return "", "", false
		}
	}
	return in.License, in.Effect, true
}

// activateLicense is 激活授权码 (page CN 0070649244).
func (m *Market) activateLicense(w http.ResponseWriter, r *http.Request) {
	license, effect, ok := m.asked(w, r)
	if !ok {
		return
	}
	m.mu.Lock()
	s, known := m.code(license)
	if known && !s.NotTaken && s.Activated.IsZero() {
		s.Activated = m.opt.Now().UTC().Truncate(time.Second)
		if at, err := market.ParseStamp(effect, time.UTC); err == nil {
			s.Activated = at
		}
		m.codes[license] = s
	}
	m.mu.Unlock()
	switch {
	case !known:
		writeLicense(w, http.StatusOK, "92020005", "license code not exist.", nil)
	case s.NotTaken:
		writeLicense(w, http.StatusOK, "92020004", "can not active before user received.", nil)
	default:
		info, err := json.Marshal(map[string]any{"status": s.Status, "expire_time": stamp(s.Expires), "product_id": defaultProduct.ProductID,
			"amount": 2, "order_id": s.OrderID})
		if err != nil { // strings and numbers always marshal
			panic(err)
		}
		writeLicense(w, http.StatusOK, "92020000", "success", map[string]any{"license_code_info": string(info)})
	}
}

// queryLicense is 查询授权码 (page CN 0070649245). What stands behind activate_time
// on that page was never seen; the expiry has the activation's name here.
func (m *Market) queryLicense(w http.ResponseWriter, r *http.Request) {
	license, _, ok := m.asked(w, r)
	if !ok {
		return
	}
	m.mu.Lock()
	s, known := m.code(license)
	m.mu.Unlock()
	if !known {
		writeLicense(w, http.StatusOK, "92020005", "license code not exist.", nil)
		return
	}
	data := map[string]any{"license_code": license, "status": s.Status, "expire_time": stamp(s.Expires), "order_id": s.OrderID,
		"product_id": defaultProduct.ProductID, "amount": 2}
	if !s.Activated.IsZero() {
		data["activate_time"] = stamp(s.Activated)
	}
	writeLicense(w, http.StatusOK, "92020000", "success", data)
}

// takeUsage is 授权码软件使用统计 (page CN 0000002290055385).
func (m *Market) takeUsage(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Usage []struct {
			License string `json:"license"`
			Records []struct {
				ID        string `json:"id"`
				ActiveNum *int64 `json:"active_num"`
			} `json:"software_usage_Info"`
		} `json:"usage_info"`
	}
	var seen []UsageSeen
	good := json.NewDecoder(r.Body).Decode(&in) == nil && len(in.Usage) > 0 && len(in.Usage) <= 100
	for _, u := range in.Usage {
		good = good && u.License != "" && len(u.Records) > 0 && len(u.Records) <= 100
		for _, rec := range u.Records {
			good = good && (rec.ID == "") == (rec.ActiveNum != nil) && utf8.RuneCountInString(rec.ID) <= 256
			seen = append(seen, UsageSeen{License: u.License, Account: rec.ID, ActiveNum: rec.ActiveNum})
		}
	}
	if !good {
		writeLicense(w, http.StatusBadRequest, "92020002", "invalid param", nil)
		return
	}
	m.mu.Lock()
	m.usage = append(m.usage, seen...)
	m.mu.Unlock()
	writeLicense(w, http.StatusOK, "92020000", "success", map[string]any{})
}

func writeLicense(w http.ResponseWriter, status int, code, msg string, data any) {
	doc := map[string]any{"error_code": code, "error_msg": msg}
	if data != nil {
		doc["data"] = data
	}
	body, err := json.Marshal(doc)
	if err != nil { // strings, numbers and maps always marshal
		panic(err)
	}
	noteCode(w, code)
	writeBody(w, status, "application/json", string(body))
}
