package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var secret = []byte("a secret")

// newLog writes n events and returns the log's path.
func newLog(t *testing.T, n int, key []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(path, Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := l.Append(map[string]any{"image": fmt.Sprint(i, ".png"), "action": "pass"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

func rewrite(t *testing.T, path string, ls []string) {
	t.Helper()
	text := strings.TrimSuffix(strings.Join(ls, ""), "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func kinds(t *testing.T, path string, o VerifyOptions) []Kind {
	t.Helper()
	r, err := Verify(path, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []Kind
	for _, p := range r.Problems {
		out = append(out, p.Kind)
	}
	return out
}

func TestIntactLog(t *testing.T) {
	for _, key := range [][]byte{nil, secret} {
		path := newLog(t, 20, key)
		if k := kinds(t, path, VerifyOptions{Key: key}); k != nil {
			t.Errorf("intact log: %v", k)
		}
		l, err := Open(path, Options{Key: key})
		if err != nil {
			t.Fatal(err)
		}
		head, err := l.Append("again")
		if err != nil || head.Lines != 22 || l.Head() != head {
			t.Errorf("head %v, error %v", head, err)
		}
		l.Close()
		if k := kinds(t, path, VerifyOptions{Key: key, Want: head}); k != nil {
			t.Errorf("continued log: %v", k)
		}
	}
}

func TestTampering(t *testing.T) {
	for name, c := range map[string]struct {
		change func(ls []string) []string
		want   Kind
	}{
		"one letter changed":    {func(ls []string) []string { ls[5] = strings.Replace(ls[5], "pass", "stop", 1); return ls }, Changed},
		"last line changed":     {func(ls []string) []string { ls[10] = strings.Replace(ls[10], "9", "8", 1); return ls }, Changed},
		"line removed":          {func(ls []string) []string { return append(ls[:4:4], ls[5:]...) }, Removed},
		"first line removed":    {func(ls []string) []string { return ls[1:] }, Removed},
		"lines exchanged":       {func(ls []string) []string { ls[3], ls[4] = ls[4], ls[3]; return ls }, Reordered},
		"line doubled":          {func(ls []string) []string { return append(ls[:4:4], ls[3:]...) }, Reordered},
		"end cut off":           {func(ls []string) []string { return ls[:8] }, Truncated},
		"only last cut off":     {func(ls []string) []string { return ls[:10] }, Truncated},
		"everything cut off":    {func(ls []string) []string { return nil }, Changed},
		"garbage inserted":      {func(ls []string) []string { ls[2] += "hello\n"; return ls }, Changed},
		"blank line inserted":   {func(ls []string) []string { ls[2] += "\n"; return ls }, Changed},
		"space added in a line": {func(ls []string) []string { ls[6] = strings.Replace(ls[6], ",", ", ", 1); return ls }, Changed},
	} {
		for _, key := range [][]byte{nil, secret} {
			path := newLog(t, 10, key)
			rewrite(t, path, c.change(lines(t, path)))
			got := kinds(t, path, VerifyOptions{Key: key})
			found := false
			for _, k := range got {
				found = found || k == c.want
			}
			if !found {
				t.Errorf("%s: found %v, want %s", name, got, c.want)
			}
			if l, err := Open(path, Options{Key: key}); err == nil {
				l.Close()
				t.Errorf("%s: the log could be continued", name)
			}
		}
	}
}

// forge rewrites line n with another event and a hash that fits, as someone could who knows the format.
func forge(t *testing.T, path string, n int, key []byte) {
	t.Helper()
	ls := lines(t, path)
	l, err := decode(key, bytes.TrimSpace([]byte(ls[n])))
	if err != nil {
		t.Fatal(err)
	}
	l.Event = []byte(`{"forged":true}`)
	text, _, err := encode(nil, l)
	if err != nil {
		t.Fatal(err)
	}
	ls[n] = string(text)
	rewrite(t, path, ls)
}

func TestForgery(t *testing.T) {
	path := newLog(t, 10, nil)
	forge(t, path, 5, nil)
	if got := kinds(t, path, VerifyOptions{}); len(got) == 0 || got[0] != Broken {
		t.Errorf("forged line in the middle: %v", got)
	}
	path = newLog(t, 10, nil)
	forge(t, path, 10, nil)
	if got := kinds(t, path, VerifyOptions{}); len(got) == 0 || got[0] != Broken {
		t.Errorf("forged last line: %v", got)
	}
	path = newLog(t, 10, secret)
	forge(t, path, 5, secret) // without the key
	if got := kinds(t, path, VerifyOptions{Key: secret}); len(got) == 0 || got[0] != Changed {
		t.Errorf("forged line in a keyed log: %v", got)
	}
	if got := kinds(t, newLog(t, 3, secret), VerifyOptions{Key: []byte("another")}); len(got) == 0 {
		t.Error("the wrong key verifies")
	}
}

// Someone who cuts log and head alike is found by a head kept elsewhere.
func TestWantedHead(t *testing.T) {
	path := newLog(t, 10, nil)
	r, err := Verify(path, VerifyOptions{})
	if err != nil || !r.OK() {
		t.Fatal(err, r.Problems)
	}
	shorter := lines(t, path)[:6]
	rewrite(t, path, shorter)
	l, err := decode(nil, bytes.TrimSpace([]byte(shorter[5])))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(headPath(path), encodeHead(nil, Head{6, l.Hash}), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, path, VerifyOptions{}); got != nil {
		t.Errorf("the consistent cut: %v", got)
	}
	if got := kinds(t, path, VerifyOptions{Want: r.Head}); len(got) != 1 || got[0] != Truncated {
		t.Errorf("with the head kept elsewhere: %v", got)
	}
}

func TestMissingHead(t *testing.T) {
	path := newLog(t, 3, nil)
	if err := os.Remove(headPath(path)); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, path, VerifyOptions{}); len(got) != 1 || got[0] != NoHead {
		t.Errorf("%v", got)
	}
	path = newLog(t, 3, nil) // one slot destroyed: the other still serves
	b, err := os.ReadFile(headPath(path))
	if err != nil {
		t.Fatal(err)
	}
	copy(b[slotSize:], "x") // line 4 lies in slot 0
	if err := os.WriteFile(headPath(path), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := kinds(t, path, VerifyOptions{}); got != nil {
		t.Errorf("one slot destroyed: %v", got)
	}
}

// A file that is no log is refused and left alone.
func TestForeignFile(t *testing.T) {
	for _, text := range []string{"hello", "hello\n", "{}\n"} {
		path := filepath.Join(t.TempDir(), "notes.txt")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(path, Options{}); err == nil {
			l.Close()
			t.Errorf("%q was taken for a log", text)
		}
		if b, _ := os.ReadFile(path); string(b) != text {
			t.Errorf("%q was changed to %q", text, b)
		}
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	path := newLog(t, 1, nil)
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if m, err := Open(path, Options{}); err == nil {
		m.Close()
		t.Skip("this system has no file locks")
	}
}

func TestConcurrentAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 10 {
				if _, err := l.Append([]int{g, i}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	l.Close()
	r, err := Verify(path, VerifyOptions{})
	if err != nil || !r.OK() || r.Head.Lines != 81 {
		t.Errorf("%v, error %v", r, err)
	}
}

func TestBadEvents(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "a"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, e := range []any{func() {}, strings.Repeat("x", MaxLine)} {
		if _, err := l.Append(e); err == nil {
			t.Error("an event that cannot be written was acknowledged")
		}
	}
	if _, err := l.Append("fine"); err != nil {
		t.Error("the log is unusable after a refused event:", err)
	}
}

func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "a")
	l, err := Open(path, Options{})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		l.Append(i)
	}
	l.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, changed []byte) {
		p := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(p, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		head, err := os.ReadFile(headPath(path))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(headPath(p), head, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Verify(p, VerifyOptions{})
		if err == nil && r.OK() && !bytes.HasPrefix(changed, b) {
			t.Errorf("%q verifies", changed)
		}
	})
}
