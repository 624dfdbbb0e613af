package onnx_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// external is an initializer of two float32 values whose data is elsewhere. Entries alternate key and value.
func external(name string, entries ...string) []byte {
	b := slices.Concat(num(1, 2), num(2, 1), str(8, name))
	for i := 0; i < len(entries); i += 2 {
		b = append(b, sub(13, str(1, entries[i]), str(2, entries[i+1]))...)
	}
	return sub(5, b, num(14, 1))
}

func write(t *testing.T, path string, b []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExternalData(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.bin"), le([]float32{1, 2, 3, 4}))
	write(t, filepath.Join(dir, "deep", "b.bin"), le([]float32{5, 6}))
	if err := os.Symlink("a.bin", filepath.Join(dir, "link.bin")); err != nil {
		t.Fatal(err)
	}
	file := model(
		external("whole", "location", "deep/b.bin"),
		external("at 8", "location", "a.bin", "offset", "8", "length", "8", "checksum", "ignored"),
		external("same", "location", "./a.bin", "offset", "8"),
		external("overlapping", "length", "8", "offset", "4", "location", "a.bin"),
		external("through a link", "location", "link.bin", "offset", "0"))
	path := write(t, filepath.Join(dir, "m.onnx"), file)
	m, err := onnx.Open(path, onnx.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{5, 6}, {3, 4}, {3, 4}, {2, 3}, {1, 2}} {
		if got, err := m.Graph.Initializers[i].Float32s(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v, want %v", m.Graph.Initializers[i].Name, got, err, want)
		}
	}
	a, _ := m.Graph.Initializers[1].Float32s()
	b, _ := m.Graph.Initializers[2].Float32s()
	if &a[0] != &b[0] {
		t.Error("two tensors with the same bytes do not share memory")
	}

	lim := onnx.DefaultLimits()
	lim.ExternalDir = dir
	if _, err := onnx.Read(bytes.NewReader(file), int64(len(file)), lim); err != nil {
		t.Errorf("Read with a folder: %v", err)
	}
	lim.MaxBytes = 31 // four distinct regions of 8 bytes
	if _, err := onnx.Open(path, lim); err == nil || !strings.Contains(err.Error(), "over the limit of 31") {
		t.Errorf("error %v", err)
	}
}

func TestExternalDataMayNotLeaveTheFolder(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "models")
	write(t, filepath.Join(top, "secret.bin"), le([]float32{1, 2}))
	write(t, filepath.Join(dir, "short.bin"), make([]byte, 7))
	for link, target := range map[string]string{
		"out.bin": "../secret.bin", "abs.bin": filepath.Join(top, "secret.bin"), "outdir": "..", "loop.bin": "loop.bin", "zero.bin": "/dev/zero",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if mkfifo, err := exec.LookPath("mkfifo"); err == nil {
		if err := exec.Command(mkfifo, filepath.Join(dir, "pipe.bin")).Run(); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Fatal(err)
	}
	for _, c := range []struct {
		location, offset, length, culprit string
	}{
		{"../secret.bin", "0", "8", "outside the model's folder"},
		{"sub/../../secret.bin", "0", "8", "outside the model's folder"},
		{filepath.Join(top, "secret.bin"), "0", "8", "outside the model's folder"},
		{"/dev/zero", "0", "8", "outside the model's folder"},
		{"..", "0", "8", "outside the model's folder"},
		{"out.bin", "0", "8", "inside the model's folder"},
		{"abs.bin", "0", "8", "inside the model's folder"},
		{"outdir/secret.bin", "0", "8", "inside the model's folder"},
		{"loop.bin", "0", "8", "loop.bin"},
		{"zero.bin", "0", "8", "inside the model's folder"},
		{"pipe.bin", "0", "8", "named pipe"},
		{".", "0", "8", "folder"},
		{"absent.bin", "0", "8", "missing"},
		{"short.bin\x00", "0", "8", "short.bin"},
		{"", "0", "8", "no location"},
		{"short.bin", "0", "8", "has 7 bytes"},
		{"short.bin", "0", "7", "length is 7, the tensor needs 8"},
		{"short.bin", "9223372036854775807", "8", "has 7 bytes"},
		{"short.bin", "-1", "8", `offset: "-1"`},
		{"short.bin", "0x10", "8", `offset: "0x10"`},
		{"short.bin", "0", "99999999999999999999", "length"},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.location, c.offset, c.length), func(t *testing.T) {
			path := write(t, filepath.Join(dir, "m.onnx"), model(external("the weight",
				"location", c.location, "offset", c.offset, "length", c.length)))
			start := time.Now()
			_, err := onnx.Open(path, onnx.DefaultLimits())
			if err == nil {
				t.Fatal("was accepted")
			}
			for _, want := range []string{path, `"the weight"`, c.culprit} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if time.Since(start) > 5*time.Second {
				t.Error("took more than 5 s")
			}
		})
	}
}

// TestManyExternalFiles keeps each weight in its own file, more of them than a process may open at once.
func TestManyExternalFiles(t *testing.T) {
	dir := t.TempDir()
	var parts [][]byte
	for i := range 1500 {
		name := fmt.Sprintf("w%d", i)
		write(t, filepath.Join(dir, name), le([]float32{float32(i), 0}))
		parts = append(parts, external(name, "location", name))
	}
	m, err := onnx.Open(write(t, filepath.Join(dir, "m.onnx"), model(parts...)), onnx.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := m.Graph.Initializers[1499].Float32s(); err != nil || v[0] != 1499 {
		t.Errorf("%v %v", v, err)
	}
}
