package head

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkStored saves and loads a head and compares everything it says about some images, bit for bit.
func checkStored(t *testing.T, h Head, feats []Features) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "head.plum")
	if err := Save(path, h); err != nil {
		t.Fatal(err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if again.Name() != h.Name() || again.Task() != h.Task() || cmp.Diff(again.Taps(), h.Taps()) != "" {
		t.Errorf("%s came back as %s (%s, taps %v)", h.Name(), again.Name(), again.Task(), again.Taps())
	}
	for i := range min(len(feats), 20) {
		in, err := feats[i].Input(h.Taps())
		if err != nil {
			t.Fatal(err)
		}
		if len(feats[i].Sample.QA) > 0 {
			in.Question = feats[i].Sample.QA[i%len(feats[i].Sample.QA)].Text
		}
		a, err := h.Predict(in)
		if err != nil {
			t.Fatal(err)
		}
		b, err := again.Predict(in)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(a, b); d != "" {
			t.Fatalf("%s differs after loading:\n%s", h.Name(), d)
		}
	}
	second := filepath.Join(t.TempDir(), "again.plum")
	if err := Save(second, again); err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile(path)
	if other, _ := os.ReadFile(second); !bytes.Equal(first, other) {
		t.Errorf("%s is saved differently the second time", h.Name())
	}
}

func savedHead(t testing.TB) []byte {
	t.Helper()
	h, err := NewZeroShot("zs", [][]float32{{1, 2, 3}, {3, 2, 1}}, 10)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "h")
	if err := Save(path, h); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDamagedFilesAreRefused(t *testing.T) {
	good := savedHead(t)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if _, err := decodeHead(bad); err == nil {
			t.Fatalf("a change of byte %d was accepted", i)
		}
		if _, err := decodeHead(good[:i]); err == nil {
			t.Fatalf("the first %d bytes were accepted", i)
		}
	}
	newer := bytes.Clone(good)
	binary.LittleEndian.PutUint32(newer[8:], 9)
	if _, err := decodeHead(newer); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("a newer version: %v", err)
	}
}

// Sizes are checked against the bytes present, not trusted.
func TestDeclaredSizesAreChecked(t *testing.T) {
	for _, shape := range [][]int{{1 << 29}, {-1}, {1 << 20, 1 << 20}, {3}, {1}} {
		s := &state{Arrays: []array{{Name: "a", Shape: shape}}}
		if err := s.fill(make([]byte, 8)); err == nil {
			t.Errorf("shape %v was accepted for 8 bytes", shape)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(savedHead(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 48 {
			return
		}
		s, err := decodeState(data)
		if err != nil { // the hash hides what lies behind it: give a right one
			return
		}
		if load, ok := kinds[s.Kind]; ok {
			if _, err := load(s); err != nil {
				return
			}
		}
	})
}
