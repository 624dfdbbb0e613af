package audit

import (
	"os"
	"strings"
	"testing"
)

func TestLinesAreWhatWasAppended(t *testing.T) {
	path := newLog(t, 3, secret)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"n":4,"torn`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	var got []string
	for l, err := range Lines(path, secret) {
		if err != nil {
			t.Fatal(err)
		}
		if l.N != uint64(len(got)) {
			t.Errorf("line %d has number %d", len(got), l.N)
		}
		got = append(got, string(l.Event))
	}
	if len(got) != 4 || !strings.Contains(got[3], "2.png") {
		t.Errorf("read %q", got)
	}
}

func TestLinesStopAtAChangedLine(t *testing.T) {
	path := newLog(t, 5, nil)
	all := lines(t, path)
	all[3] = strings.Replace(all[3], "pass", "stop", 1)
	rewrite(t, path, all)
	n := 0
	var last error
	for _, err := range Lines(path, nil) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 3 || last == nil || !strings.Contains(last.Error(), "line 4") {
		t.Errorf("%d lines, then %v", n, last)
	}
	for _, err := range Lines(path+".none", nil) {
		if err == nil {
			t.Error("a log that is not there was read")
		}
	}
}
