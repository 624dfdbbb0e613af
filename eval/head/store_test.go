package head

import (
	"bytes"
	"crypto/sha256"
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
		if _, err := Decode(bad); err == nil {
			t.Fatalf("a change of byte %d was accepted", i)
		}
		if _, err := Decode(good[:i]); err == nil {
			t.Fatalf("the first %d bytes were accepted", i)
		}
	}
	newer := bytes.Clone(good)
	binary.LittleEndian.PutUint32(newer[8:], 9)
	if _, err := Decode(newer); err == nil || !strings.Contains(err.Error(), "version 9") {
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

// sealed makes a file of a header and raw numbers with the right hash, as an attacker could.
func sealed(header, raw []byte) []byte {
	data := append([]byte(storeMagic), binary.LittleEndian.AppendUint32(nil, storeVersion)...)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(header)))
	data = append(append(data, header...), raw...)
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}

// A file with a right hash may hold anything: it must give an error or a head that answers without a panic.
func FuzzLoad(f *testing.F) {
	_, test := data(f)
	good := savedHead(f)
	n := int(binary.LittleEndian.Uint32(good[12:]))
	f.Add(good[16:16+n], good[16+n:len(good)-sha256.Size])
	f.Add([]byte(`{"kind":"probe","name":"p","config":{"source":{"tap":"embedding","width":1},"sizes":[1,1]},"arrays":[{"name":"mean","shape":[1]},{"name":"invstd","shape":[1]},{"name":"w0","shape":[1,1]},{"name":"b0","shape":[1]}]}`), make([]byte, 16))
	f.Add([]byte(`{"kind":"knn","name":"k","config":{"source":{"tap":"embedding","width":2},"k":1,"classes":2,"labels":[1]},"arrays":[{"name":"bank","shape":[1,2]}]}`), bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, 2))
	f.Add([]byte(`{"kind":"vqatext","name":"q","config":{"width":48,"scale":1,"words":{"words":["a"]},"questions":["a"],"answers":[["b"]]},"arrays":[{"name":"answers0","shape":[1,48]}]}`), bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, 48))
	f.Fuzz(func(t *testing.T, header, raw []byte) {
		h, err := Decode(sealed(header, raw))
		if err != nil {
			return
		}
		in, err := test[0].Input(h.Taps())
		if err != nil {
			return
		}
		in.Question = "is there a defect?"
		_, _ = h.Predict(in)
	})
}
