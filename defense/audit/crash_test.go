package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A line cut short at every byte, as a killed process leaves it, is recovered without losing an acknowledged line.
func TestTornLine(t *testing.T) {
	path := newLog(t, 3, nil)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	extra, _, err := encode(nil, Line{N: 4, Time: time.Now(), Event: []byte(`"lost"`), Prev: noHash})
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(extra); cut += 7 {
		if err := os.WriteFile(path, append(bytes.Clone(whole), extra[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		head, err := os.ReadFile(headPath(path))
		if err != nil {
			t.Fatal(err)
		}
		l, err := Open(path, Options{})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		l.Close()
		got := lines(t, path)
		if len(got) != 5 || strings.Join(got[:4], "") != string(whole) || !strings.Contains(got[4], "recovered") {
			t.Fatalf("cut at %d: log is %q", cut, got)
		}
		if k := kinds(t, path, VerifyOptions{}); k != nil {
			t.Fatalf("cut at %d: %v", cut, k)
		}
		if err := os.WriteFile(headPath(path), head, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fullDisk passes writes on until its room is used up, then writes what still fits and fails.
type fullDisk struct {
	file
	room      int
	failSync  bool
	failTrunc bool
}

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) <= d.room {
		d.room -= len(b)
		return d.file.Write(b)
	}
	n, _ := d.file.Write(b[:d.room])
	d.room = 0
	return n, errFull
}

func (d *fullDisk) Sync() error {
	if d.failSync {
		return errFull
	}
	return d.file.Sync()
}

func (d *fullDisk) Truncate(n int64) error {
	if d.failTrunc {
		return errFull
	}
	return d.file.Truncate(n)
}

// Whatever fails, every line that Append acknowledged is in the log afterwards, and the log can be continued.
func TestFullDisk(t *testing.T) {
	for name, d := range map[string]*fullDisk{
		"no room":                    {room: 1000},
		"no room, no truncation":     {room: 1000, failTrunc: true},
		"synchronisation impossible": {room: 1 << 20, failSync: true},
	} {
		path := newLog(t, 0, nil)
		l, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		d.file = l.log
		l.log = d
		acked := 0
		for i := range 20 {
			if _, err := l.Append(i); err == nil {
				acked++
			} else if !errors.Is(err, errFull) {
				t.Errorf("%s: %v", name, err)
			}
		}
		l.Close()
		if acked == 20 {
			t.Errorf("%s: everything was acknowledged", name)
		}
		l, err = Open(path, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := l.Append("after"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		l.Close()
		got := lines(t, path)
		for i := range acked {
			if !strings.Contains(got[1+i], fmt.Sprintf(`"event":%d,`, i)) {
				t.Errorf("%s: acknowledged line %d is %q", name, i, got[1+i])
			}
		}
		if k := kinds(t, path, VerifyOptions{}); k != nil {
			t.Errorf("%s: %v", name, k)
		}
	}
}
