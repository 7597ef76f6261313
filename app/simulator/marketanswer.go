package simulator

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// recorder notes what a handler answered.
type recorder struct {
	http.ResponseWriter
	status int
	code   string
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// noteCode keeps the code of an answer for the log of calls.
func noteCode(w http.ResponseWriter, code string) {
	if r, ok := w.(*recorder); ok {
		r.code = code
	}
}

func writeBody(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // a caller that is gone needs no answer
}

// writeError answers in the API's form, or in the gateway's for its codes.
func writeError(w http.ResponseWriter, status int, code, msg string) {
	noteCode(w, code)
	doc := map[string]string{"resultCode": code, "resultMsg": msg}
	if strings.HasPrefix(code, "APIGW.") {
		doc = map[string]string{"error_code": code, "error_msg": msg, "request_id": uuid.NewString()}
	}
	body, err := json.Marshal(doc)
	if err != nil { // a map of strings always marshals
		panic(err)
	}
	writeBody(w, status, "application/json;charset=UTF-8", string(body))
}

// write answers as the failure says. Dropping goes by http.ErrAbortHandler, the
// way that net/http offers for it.
func (f Failure) write(w http.ResponseWriter) {
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	if f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	if f.Code == "" {
		f.Code, f.Msg = "MKT.0999", "System internal error."
	}
	if f.Cut {
		w.Header().Set("Content-Length", "4096")
		writeBody(w, f.Status, "application/json", `{"resultCode":"`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if f.Body != "" || f.Type != "" {
		writeBody(w, f.Status, f.Type, f.Body)
		return
	}
	writeError(w, f.Status, f.Code, f.Msg)
}
