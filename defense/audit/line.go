package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// MaxLine bounds the length of a line in bytes.
const MaxLine = 1 << 20

// Line is one record of the log.
type Line struct {
	N     uint64          `json:"n"`    // 0 is the line that names the log
	Time  time.Time       `json:"time"` // when it was appended, UTC
	Event json.RawMessage `json:"event"`
	Prev  string          `json:"prev"` // hash of line N−1, zeros for line 0
	Hash  string          `json:"hash"` // of everything before it on the line
}

// Head names the last line of a log.
type Head struct {
	Lines uint64 `json:"lines"` // lines in the log
	Hash  string `json:"hash"`  // hash of the last one
}

const hashField = `,"hash":"`

// noHash stands before the first line.
var noHash = hex.EncodeToString(make([]byte, sha256.Size))

// digest returns the hex hash of b, keyed if there is a key.
func digest(key, b []byte) string {
	if len(key) > 0 {
		m := hmac.New(sha256.New, key)
		m.Write(b)
		return hex.EncodeToString(m.Sum(nil))
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// encode writes the line with its hash and a newline at the end.
func encode(key []byte, l Line) ([]byte, string, error) {
	body, err := json.Marshal(struct {
		N     uint64          `json:"n"`
		Time  string          `json:"time"`
		Event json.RawMessage `json:"event"`
		Prev  string          `json:"prev"`
	}{l.N, l.Time.UTC().Format(time.RFC3339Nano), l.Event, l.Prev})
	if err != nil {
		return nil, "", fmt.Errorf("audit: event: %w", err)
	}
	body = body[:len(body)-1] // the closing brace follows the hash
	hash := digest(key, body)
	line := append(body, hashField+hash+"\"}\n"...)
	if len(line) > MaxLine {
		return nil, "", fmt.Errorf("audit: the event takes %d bytes, more than %d", len(line), MaxLine)
	}
	return line, hash, nil
}

// decode reads a line without its newline and checks its own hash.
func decode(key, text []byte) (Line, error) {
	at := bytes.LastIndex(text, []byte(hashField))
	if at < 0 || len(text) != at+len(hashField)+2*sha256.Size+2 {
		return Line{}, fmt.Errorf("the line does not end in a hash")
	}
	var l Line
	if err := json.Unmarshal(text, &l); err != nil {
		return Line{}, fmt.Errorf("the line is no record: %w", err)
	}
	if want := digest(key, text[:at]); !hmac.Equal([]byte(want), []byte(l.Hash)) {
		return l, fmt.Errorf("the hash does not fit the line")
	}
	return l, nil
}
