package filemap

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// mapFile writes a file of n bytes and maps it, or skips the test where files are not mapped.
func mapFile(t *testing.T, n int) (*File, string, []byte) {
	t.Helper()
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	path := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer func(before int64) { Min = before }(Min)
	Min = 1
	m := Open(f)
	if m == nil {
		t.Skip("this system does not map files")
	}
	return m, path, content
}

func TestWhatIsDiscardedCanBeReadAgain(t *testing.T) {
	m, path, content := mapFile(t, 100_003)
	if err := os.Remove(path); err != nil { // the mapping needs no name
		t.Fatal(err)
	}
	b := m.Bytes()
	for range 2 {
		if !bytes.Equal(b, content) {
			t.Fatal("the mapping does not hold the file's bytes")
		}
		Discard(unsafe.Slice((*float32)(unsafe.Pointer(&b[3])), 20_000)) // nothing in a model file is aligned
	}
	if err := m.Check(); err != nil {
		t.Errorf("a removed file counts as changed: %v", err)
	}
}

func TestDiscardLeavesOtherMemoryAlone(t *testing.T) {
	v := make([]float32, 1<<16)
	for i := range v {
		v[i] = 1
	}
	Discard(v)
	Discard(nil)
	for i, f := range v {
		if f != 1 {
			t.Fatalf("element %d was lost", i)
		}
	}
}

func TestHoldsWhatIsInside(t *testing.T) {
	m, _, content := mapFile(t, 5000)
	for _, c := range []struct {
		off, end int64
		want     bool
	}{{0, 5000, true}, {5000, 5000, true}, {0, 5001, false}, {-1, 3, false}, {7, 3, false}} {
		if got := m.Holds(c.off, c.end); got != c.want {
			t.Errorf("bytes %d to %d of %d: %t", c.off, c.end, len(content), got)
		}
	}
	if (*File)(nil).Holds(0, 0) || (*File)(nil).Check() != nil {
		t.Error("no file holds something or was changed")
	}
}

func TestCheckTellsChangedFromReplaced(t *testing.T) {
	m, path, content := mapFile(t, 5000)
	if err := os.WriteFile(path+".new", content[:9], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if err := m.Check(); err != nil {
		t.Errorf("another file of that name counts as a change: %v", err)
	}
	m, path, content = mapFile(t, 5000)
	if err := os.WriteFile(path, append(content, 1), 0o600); err != nil { // the same file, longer
		t.Fatal(err)
	}
	if m.Check() == nil {
		t.Error("a file changed in place was not noticed")
	}
}

func TestSmallFilesAreRead(t *testing.T) {
	f, err := os.Open("filemap_test.go")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if Open(f) != nil {
		t.Error("a small file was mapped")
	}
}

func TestGuardMakesAnErrorOfAFileCutOff(t *testing.T) {
	m, path, content := mapFile(t, 100_003)
	sum := func() (n int, err error) {
		defer Guard(&err)()
		for _, b := range m.Bytes() {
			n += int(b)
		}
		return n, nil
	}
	want := 0
	for _, b := range content {
		want += int(b)
	}
	if n, err := sum(); n != want || err != nil {
		t.Fatalf("%d, %v; the sum is %d", n, err, want)
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := sum(); err == nil || !strings.Contains(err.Error(), path+" cannot be read any more") {
		t.Errorf("a file that was cut off gives the error %v", err)
	}
}

func TestGuardLeavesOtherPanicsAlone(t *testing.T) {
	defer func() {
		if r := recover(); r != "other" {
			t.Errorf("recovered %v", r)
		}
	}()
	var err error
	defer Guard(&err)()
	panic("other")
}
