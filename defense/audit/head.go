package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// The head file holds two slots of fixed length; heads are written to them by turns, so that a write cut short leaves
// the one before.
const slotSize = 256

func headPath(path string) string { return path + ".head" }

// slot is one head with a hash of its own.
type slot struct {
	Lines uint64 `json:"lines"`
	Hash  string `json:"hash"`
	Check string `json:"check"`
}

func check(key []byte, h Head) string {
	return digest(key, fmt.Appendf(nil, "head %d %s", h.Lines, h.Hash))
}

// encodeHead fills one slot with spaces and a newline at the end.
func encodeHead(key []byte, h Head) []byte {
	b, err := json.Marshal(slot{h.Lines, h.Hash, check(key, h)})
	if err != nil || len(b) >= slotSize {
		panic("audit: a head does not fit its slot")
	}
	out := bytes.Repeat([]byte{' '}, slotSize)
	copy(out, b)
	out[slotSize-1] = '\n'
	return out
}

// readHead returns the newest head whose check holds; ok is false if the file is absent or holds none.
func readHead(path string, key []byte) (h Head, ok bool, err error) {
	f, err := os.Open(headPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return Head{}, false, nil
	}
	if err != nil {
		return Head{}, false, fmt.Errorf("audit: head: %w", err)
	}
	defer f.Close()
	for i := range int64(2) {
		buf := make([]byte, slotSize)
		if n, _ := f.ReadAt(buf, i*slotSize); n != slotSize {
			continue
		}
		var s slot
		if json.Unmarshal(bytes.TrimSpace(buf), &s) != nil {
			continue
		}
		got := Head{s.Lines, s.Hash}
		if s.Check == check(key, got) && (!ok || got.Lines > h.Lines) {
			h, ok = got, true
		}
	}
	return h, ok, nil
}
