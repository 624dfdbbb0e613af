package models

import (
	"bytes"
	"context"
	"image/jpeg"
	"io/fs"
	"math"
	"path"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

func TestOpen(t *testing.T) {
	for _, name := range Names() {
		m, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if m.Card.Name != name {
			t.Errorf("card of %s is called %s", name, m.Card.Name)
		}
		if want := map[string]int{Default: 12}[name]; len(m.Labels.Prompts) != max(want, 7) || m.Labels.LogitScale <= 0 {
			t.Errorf("labels: %d prompts, scale %g", len(m.Labels.Prompts), m.Labels.LogitScale)
		}
		// What the card says about preprocessing is what the labels file recorded in training.
		if m.Card.Preprocess.Mean != m.Labels.Mean || m.Card.Preprocess.Std != m.Labels.Std {
			t.Errorf("card normalises with %v %v, training used %v %v",
				m.Card.Preprocess.Mean, m.Card.Preprocess.Std, m.Labels.Mean, m.Labels.Std)
		}
		if m.Card.Preprocess.Crop != [2]int{m.Labels.ImageSize, m.Labels.ImageSize} {
			t.Errorf("crop %v, image size %d", m.Card.Preprocess.Crop, m.Labels.ImageSize)
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	_, err := Open("inspect-huge")
	if err == nil || !strings.Contains(err.Error(), Default) {
		t.Errorf("error should name the models there are: %v", err)
	}
}

func TestVerify(t *testing.T) {
	m, err := Open(Default)
	if err != nil {
		t.Fatal(err)
	}
	f := m.Card.Files[0]
	flipped := bytes.Clone(m.ONNX)
	flipped[len(flipped)/2] ^= 1
	for name, raw := range map[string][]byte{
		"flipped": flipped,
		"short":   m.ONNX[:len(m.ONNX)-1],
		"long":    append(bytes.Clone(m.ONNX), 0),
		"empty":   nil,
	} {
		if f.Verify(bytes.NewReader(raw)) == nil {
			t.Errorf("%s file passed", name)
		}
	}
	if err := f.Verify(bytes.NewReader(m.ONNX)); err != nil {
		t.Error(err)
	}
}

func TestParseCardRefuses(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `[]`, `{"name":"a"}`,
		`{"name":"a","source":"s","license":"MIT","files":[]}`,
		`{"name":"a","source":"s","license":"MIT","files":[{"name":"f","bytes":1,"sha256":"zz"}]}`,
		`{"name":"a","licence":"MIT"}`,
	} {
		if _, err := ParseCard([]byte(raw)); err == nil {
			t.Errorf("accepted %s", raw)
		}
	}
}

// TestTiles checks that the embedded photographs are what their README says: two of each class, each
// classified correctly by the embedded encoder among the six tile prompts.
func TestTiles(t *testing.T) {
	m, err := Open(Default)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := m.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.TextEmbeddings()
	if err != nil {
		t.Fatal(err)
	}
	perClass := map[string]int{}
	err = fs.WalkDir(Tiles(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".jpg" {
			return err
		}
		class := path.Dir(name)
		perClass[class]++
		raw, err := fs.ReadFile(Tiles(), name)
		if err != nil {
			return err
		}
		if got := m.Labels.Prompts[nearest(t, enc, raw, text[6:])+6]; got != m.Card.Classes[class] {
			t.Errorf("%s is taken for %q", name, got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for class, n := range perClass {
		if n != 2 || m.Card.Classes[class] == "" {
			t.Errorf("class %s has %d images and the prompt %q", class, n, m.Card.Classes[class])
		}
	}
	if len(perClass) != 6 {
		t.Errorf("%d classes", len(perClass))
	}
}

// nearest returns the row of text with the largest product with the image's embedding.
func nearest(t *testing.T, enc encoder.Encoder, jpg []byte, text [][]float32) int {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(jpg))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	x := make([]float32, 3*b.Dx()*b.Dy())
	for i := range x {
		p := i % (b.Dx() * b.Dy())
		grey, _, _, _ := img.At(b.Min.X+p%b.Dx(), b.Min.Y+p/b.Dx()).RGBA()
		x[i] = float32(grey>>8) / 255
	}
	trace, err := enc.Trace(context.Background(), []*tensor.Dense{tensor.New(tensor.WithShape(3, b.Dy(), b.Dx()), tensor.WithBacking(x))}, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	defer trace.Close()
	e := trace.Activation(0).Float32s()
	best, most := -1, float32(math.Inf(-1))
	for k, row := range text {
		var s float32
		for i, v := range row {
			s += v * e[i]
		}
		if s > most {
			best, most = k, s
		}
	}
	return best
}

// TestSize bounds what everyone who imports the package carries.
func TestSize(t *testing.T) {
	var total int64
	err := fs.WalkDir(files, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		total += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 30e6 {
		t.Errorf("the embedded files have %d bytes; at most 30 MB", total)
	}
}
