package encoder

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// TestAccuracyAgainstFloat64 compares both passes of the golden encoders, on every instruction set that runs here,
// with the unfused graph in float64.
func TestAccuracyAgainstFloat64(t *testing.T) {
	checkAccuracy(t, filepath.Join("..", "testdata", "encoders"))
}

func TestSharedAccuracyAgainstFloat64(t *testing.T) { checkAccuracy(t, sharedGoldens(t)) }

func checkAccuracy(t *testing.T, root string) {
	for _, m := range goldens(t, root) {
		if strings.Contains(m.ID, "qdq") {
			continue // rounds activations: neither continuous nor differentiable
		}
		t.Run(m.ID, func(t *testing.T) {
			enc, err := Open(filepath.Join(root, m.File))
			if err != nil {
				t.Fatal(err)
			}
			newAccuracy(t, enc).everyPath()
		})
	}
}

// accuracy holds the truth for one image: the values at two taps and derivatives, along random directions at the
// pixels, of the sum c·a over both.
type accuracy struct {
	t           *testing.T
	model       *Model
	image       *tensor.Dense
	taps        []Tap
	cotangents  []*tensor.Dense
	values      [][]float64
	directions  [][]float64
	derivatives []float64
}

// accuracyDirections is how many derivatives estimate the length of the gradient's error: along a direction of
// independent normal numbers its component has that length as standard deviation.
const accuracyDirections = 4

func newAccuracy(t *testing.T, m *Model) *accuracy {
	t.Helper()
	rng := rand.New(rand.NewPCG(8, 1))
	s := m.spec.ImageSize
	a := &accuracy{t: t, model: m, image: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(3, s[0], s[1])), taps: []Tap{Tokens, Embedding}}
	x := a.image.Float32s()
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	acts, err := Activations(context.Background(), m.Raw(), []*tensor.Dense{a.image}, a.taps...)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range acts {
		c := v.Clone().(*tensor.Dense)
		for i := range c.Float32s() {
			c.Float32s()[i] = float32(rng.NormFloat64())
		}
		a.cotangents = append(a.cotangents, c)
	}
	a.values = a.exactly(nil, 0)
	for range accuracyDirections {
		d := make([]float64, len(x))
		for i := range d {
			d[i] = rng.NormFloat64()
		}
		const h = 1e-7 // so short that next to no rectifier switches in between
		a.directions = append(a.directions, d)
		a.derivatives = append(a.derivatives, (a.loss(d, h)-a.loss(d, -h))/(2*h))
	}
	return a
}

// exactly gives the values at the taps of the image moved by h along d.
func (a *accuracy) exactly(d []float64, h float64) [][]float64 {
	x := make([]float64, len(a.image.Float32s()))
	for i, v := range a.image.Float32s() {
		x[i] = float64(v)
		if d != nil {
			x[i] += h * d[i]
		}
	}
	e := &exact{t: a.t}
	return e.forward(a.model.base, x, a.model.found[Tokens], a.model.found[Embedding])
}

func (a *accuracy) loss(d []float64, h float64) float64 {
	sum := 0.0
	for i, v := range a.exactly(d, h) {
		for j, c := range a.cotangents[i].Float32s() {
			sum += float64(c) * v[j]
		}
	}
	return sum
}

func (a *accuracy) everyPath() {
	for _, name := range kernel.CPUs() {
		restore, err := kernel.UseCPU(name)
		if err != nil {
			a.t.Fatal(err)
		}
		a.check(name)
		restore()
	}
}

func (a *accuracy) check(path string) {
	ctx := context.Background()
	tr, err := a.model.Raw().Trace(ctx, []*tensor.Dense{a.image}, a.taps...)
	if err != nil {
		a.t.Fatal(err)
	}
	defer tr.Close()
	for i, tap := range a.taps {
		r := relative(tr.Activation(i).Float32s(), a.values[i])
		a.t.Logf("%s: %s %.1e", path, tap, r)
		if !(r <= 1e-5) {
			a.t.Errorf("%s: %s is %.2g off float64, want ≤ 1e-5", path, tap, r)
		}
	}
	grads, err := tr.VJP(ctx, a.cotangents)
	if err != nil {
		a.t.Fatal(err)
	}
	var off, length float64
	g := grads[0].Float32s()
	for _, v := range g {
		length += sq(float64(v))
	}
	for i, d := range a.directions {
		along := 0.0
		for j, v := range g {
			along += float64(v) * d[j]
		}
		off += sq(along-a.derivatives[i]) / accuracyDirections
	}
	r := math.Sqrt(off / length)
	a.t.Logf("%s: gradient %.1e", path, r)
	if !(r <= 1e-4) {
		a.t.Errorf("%s: the gradient is %.2g off float64, want ≤ 1e-4", path, r)
	}
}

// relative is ‖got-want‖/‖want‖.
func relative(got []float32, want []float64) float64 {
	var d, n float64
	for i, w := range want {
		d += sq(float64(got[i]) - w)
		n += sq(w)
	}
	return math.Sqrt(d / n)
}
