package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"unicode/utf16"
)

// Upload is a License that the stand-in took (String/file upload, page CN
// 0070649351).
type Upload struct {
	EventID    string
	Type       string // CHARACTERS or FILE
	Characters string
	FileName   string // as isvUpdateFileReq names it
	SHA256     string
	File       []byte
	Signed     bool // the body was part of the signature
}

// upload takes a License for an event. What is wrong with its form is answered
// with CBC.0101 and says so.
func (m *Market) upload(w http.ResponseWriter, r *http.Request) {
	up, err := readUpload(r)
	if err != nil {
		writeUpload(w, http.StatusBadRequest, "CBC.0101", "Invalid parameter: "+err.Error())
		return
	}
	m.mu.Lock()
	code := m.uploadCode
	if code == "" {
		m.uploads = append(m.uploads, up)
	}
	m.mu.Unlock()
	if code != "" {
		writeUpload(w, http.StatusOK, code, "refused as told")
		return
	}
	writeUpload(w, http.StatusOK, "CBC.0000", "Success")
}

// SetUploadCode lets every upload be refused with a code, e.g. 91381037; "" takes
// them again.
func (m *Market) SetUploadCode(code string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uploadCode = code
}

// Uploads are the Licenses that were taken so far, in order.
func (m *Market) Uploads() []Upload {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Upload(nil), m.uploads...)
}

func writeUpload(w http.ResponseWriter, status int, code, msg string) {
	noteCode(w, code)
	body, err := json.Marshal(map[string]string{"error_code": code, "error_msg": msg})
	if err != nil { // a map of strings always marshals
		panic(err)
	}
	writeBody(w, status, "application/json;charset=UTF-8", string(body))
}

// readUpload checks the published table: which fields go with which type, their
// lengths, and the SHA-256 of the file.
func readUpload(r *http.Request) (Upload, error) {
	up := Upload{EventID: r.PathValue("event"), Signed: r.Header.Get("X-Sdk-Content-Sha256") == ""}
	if err := r.ParseMultipartForm(maxAnswer); err != nil {
		return up, fmt.Errorf("multipart/form-data: %w", err)
	}
	req, err := part(r.MultipartForm, "isvUpdateFileReq")
	if err != nil {
		return up, err
	}
	doc := struct {
		Type       string `json:"type"`
		FileName   string `json:"file_name"`
		SHA256     string `json:"sha256"`
		Characters string `json:"characters"`
	}{}
	dec := json.NewDecoder(bytes.NewReader(req))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return up, fmt.Errorf("isvUpdateFileReq: %w", err)
	}
	up.Type, up.FileName, up.SHA256, up.Characters = doc.Type, doc.FileName, doc.SHA256, doc.Characters
	switch doc.Type {
	case "CHARACTERS":
		if n := len(utf16.Encode([]rune(doc.Characters))); n == 0 || n > 1024 {
			return up, fmt.Errorf("characters has %d characters, 1 to 1024 are allowed", n)
		}
		return up, nil
	case "FILE":
		return up, readFile(r.MultipartForm, &up)
	}
	return up, fmt.Errorf("type %q", doc.Type)
}

func readFile(form *multipart.Form, up *Upload) (err error) {
	if up.FileName == "" {
		return fmt.Errorf("file_name is mandatory")
	}
	if up.File, err = part(form, "file"); err != nil {
		return err
	}
	sum := sha256.Sum256(up.File)
	if up.SHA256 != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("sha256 is not that of the file")
	}
	return nil
}

// part is the content of a part, whether it has a file name or not.
func part(form *multipart.Form, name string) ([]byte, error) {
	if v := form.Value[name]; len(v) == 1 {
		return []byte(v[0]), nil
	}
	files := form.File[name]
	if len(files) != 1 {
		return nil, fmt.Errorf("part %s is missing", name)
	}
	f, err := files[0].Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
