package speed

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

func TestServeAnswersEveryLine(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	b, err := New("tiny", 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.Serve(strings.NewReader("fwd\ngrad\n"), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(out.String())
	if len(lines) != 3 || lines[0] != "ready" {
		t.Fatalf("answers %q, want ready and two times", lines)
	}
	if err := b.Serve(strings.NewReader("gard\n"), &out); err == nil {
		t.Error("an unknown line was accepted")
	}
}

func TestUnknownShape(t *testing.T) {
	for _, f := range []func() error{
		func() error { _, err := New("b17", 1, 1); return err },
		func() error { _, err := New("tiny", 0, 1); return err },
		func() error { return Write("b17", t.TempDir()+"/x.onnx") },
	} {
		if f() == nil {
			t.Error("a wrong argument was accepted")
		}
	}
}
