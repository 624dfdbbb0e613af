package encoder

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"gorgonia.org/tensor"
)

// exportGoldens are what PyTorch computes for the files of testdata/exports.
type exportGoldens struct {
	Vision []struct {
		File      string
		Registers int
		Stored    bool    // the file stores the position embedding as it is
		Offset    float64 // of the interpolation
		Sizes     []struct {
			Height, Width       int
			Embedding, Gradient []float64
		}
	}
	Text []struct {
		File      string
		Tokens    [][]int64
		Embedding []float64
	}
}

func readExports(t *testing.T) (dir string, g exportGoldens) {
	dir = filepath.Join("..", "testdata", "exports")
	readJSON(t, filepath.Join(dir, "goldens.json"), &g)
	return dir, g
}

// sines are the images the goldens were made with.
func sines(h, w int) (list []*tensor.Dense) {
	for b := range 2 {
		v := make([]float32, 3*h*w)
		for i := range v {
			v[i] = float32(math.Sin(0.7*float64(i) + float64(b)))
		}
		list = append(list, tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(v)))
	}
	return list
}

// TestImageSizeAgainstExports runs files at another image size and compares with exporters' code that interpolates the
// position embedding itself, whether the file stores the embedding or interpolates it too.
func TestImageSizeAgainstExports(t *testing.T) {
	dir, all := readExports(t)
	for _, v := range all.Vision {
		for _, want := range v.Sizes {
			h, w := want.Height, want.Width
			t.Run(fmt.Sprintf("%s at %d×%d", v.File, h, w), func(t *testing.T) {
				path := filepath.Join(dir, v.File)
				opened, err := Open(path, WithImageSize(h, w), WithInterpolateOffset(v.Offset))
				if err != nil {
					t.Fatal(err)
				}
				list := []*Model{opened}
				if v.Stored {
					own, err := Open(path, WithInterpolateOffset(v.Offset))
					if err != nil {
						t.Fatal(err)
					}
					later, err := own.AtInput(h, w)
					if err != nil {
						t.Fatal(err)
					}
					list = append(list, later)
				}
				for _, m := range list {
					s := m.Spec()
					if s.Grid != [2]int{h / 8, w / 8} || !s.CLS || s.Registers != v.Registers || s.Depth != 1 || s.Heads != 2 {
						t.Errorf("grid %v, class token %v, %d registers, %d blocks of %d heads", s.Grid, s.CLS, s.Registers, s.Depth, s.Heads)
					}
					sameAsExport(t, m, h, w, want.Embedding, want.Gradient)
				}
			})
		}
	}
}

func sameAsExport(t *testing.T, m *Model, h, w int, embedding, gradient []float64) {
	t.Helper()
	ctx := context.Background()
	tr, err := m.Raw().Trace(ctx, sines(h, w), Embedding)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	y := tr.Activation(0)
	closeTo(t, "embedding", y.Float32s(), embedding, 1e-5)
	c := y.Clone().(*tensor.Dense)
	for i, v := range y.Float32s() {
		c.Float32s()[i] = 2*v + 1
	}
	grads, err := tr.VJP(ctx, []*tensor.Dense{c})
	if err != nil {
		t.Fatal(err)
	}
	var all, some []float32
	for _, g := range grads {
		all = append(all, g.Float32s()...)
	}
	for i := 0; i < len(all); i += 11 {
		some = append(some, all[i])
	}
	closeTo(t, "gradient", some, gradient, 1e-4)
}

// closeTo compares by ‖a-b‖/‖b‖.
func closeTo(t *testing.T, what string, got []float32, want []float64, limit float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	var d, n float64
	for i, w := range want {
		d += sq(float64(got[i]) - w)
		n += sq(w)
	}
	if r := math.Sqrt(d / n); !(r <= limit) {
		t.Errorf("%s: relative difference %.2g, want ≤ %.0e", what, r, limit)
	}
}

func TestTextExports(t *testing.T) {
	dir, all := readExports(t)
	for _, x := range all.Text {
		t.Run(x.File, func(t *testing.T) {
			m, err := OpenText(filepath.Join(dir, x.File))
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Embed(context.Background(), x.Tokens)
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, "embedding", got.Float32s(), x.Embedding, 1e-5)
			if m.Context() > 0 {
				return
			}
			short, err := m.Embed(context.Background(), [][]int64{x.Tokens[0][:4]}) // what follows the end of text is not seen
			if err != nil {
				t.Fatal(err)
			}
			closeTo(t, "text without padding", short.Float32s(), x.Embedding[:len(short.Float32s())], 1e-5)
		})
	}
}
