package encoder

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/train"
)

const tinyModel = "../models/inspect-tiny/inspect-tiny.onnx"

func trainable(t *testing.T, path string, opts ...Option) *Trainable {
	t.Helper()
	m, err := OpenTrainable(path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func noiseImages(n, size int, seed uint64) []*tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]*tensor.Dense, n)
	for i := range out {
		x := make([]float32, 3*size*size)
		for j := range x {
			x[j] = rng.Float32()
		}
		out[i] = tensor.New(tensor.WithShape(3, size, size), tensor.WithBacking(x))
	}
	return out
}

// probeLoss is Σ cos(i)·v_i + v_i²/2 over the activations.
func probeLoss(_ int, act, cot []*tensor.Dense) (float64, error) {
	sum := 0.0
	for k := range act {
		c := cot[k].Float32s()
		for i, v := range act[k].Float32s() {
			w := math.Cos(float64(i))
			c[i] = v + float32(w)
			sum += float64(v) * (float64(v)/2 + w)
		}
	}
	return sum, nil
}

// lossAt is probeLoss of one image at the current weights.
func lossAt(t *testing.T, m *Trainable, image *tensor.Dense, tap Tap) float64 {
	t.Helper()
	m.Sync()
	out, err := m.Forward(context.Background(), []*tensor.Dense{image}, tap)
	if err != nil {
		t.Fatal(err)
	}
	v, err := probeLoss(0, out, []*tensor.Dense{out[0].Clone().(*tensor.Dense)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// slopeAlong is the central difference of the loss when p moves by h along its gradient.
func slopeAlong(t *testing.T, m *Trainable, p *train.Param, norm, h float64, image *tensor.Dense, tap Tap) float64 {
	keep := slices.Clone(p.Value)
	at := func(h float64) float64 {
		for i, g := range p.Grad {
			p.Value[i] = keep[i] + float32(h*float64(g)/norm)
		}
		return lossAt(t, m, image, tap)
	}
	d := (at(h) - at(-h)) / (2 * h)
	copy(p.Value, keep)
	return d
}

// checkWeightGradients compares the slope along every parameter's gradient with the gradient's length,
// at falling step sizes until they agree to 2 % or to what rounding leaves of a difference. It returns
// the number of parameters that the tap depends on.
func checkWeightGradients(t *testing.T, m *Trainable, image *tensor.Dense, tap Tap) (moved int) {
	t.Helper()
	if _, err := m.Accumulate(context.Background(), []*tensor.Dense{image}, []Tap{tap}, probeLoss); err != nil {
		t.Fatal(err)
	}
	value := math.Abs(lossAt(t, m, image, tap)) + 1
	for _, p := range m.Params() {
		norm, scale := math.Sqrt(kernel.Dot(p.Grad, p.Grad)), math.Sqrt(kernel.Dot(p.Value, p.Value))
		if norm == 0 {
			continue
		}
		moved++
		agreed := false
		var seen []float64
		for h := 1e-2 * (0.1 + scale); h > 1e-5 && !agreed; h /= 4 {
			d := slopeAlong(t, m, p, norm, h, image, tap)
			seen = append(seen, d)
			agreed = math.Abs(d-norm) <= 0.02*norm+4e-7*value/h
		}
		if !agreed {
			t.Errorf("%s %v (%s, block %d): slopes %g, gradient %g", p.Name, p.Shape, p.Role, p.Block, seen, norm)
		}
	}
	m.Sync()
	return moved
}

func TestWeightGradients(t *testing.T) {
	m := trainable(t, tinyModel)
	image := noiseImages(1, 64, 1)[0]
	if n := checkWeightGradients(t, m, image, Embedding); n != len(m.Params()) {
		t.Errorf("%d of %d parameters have a gradient at the embedding", n, len(m.Params()))
	}
	train.ZeroGrad(m.Params())
	if n := checkWeightGradients(t, m, image, Block(2)); n != 5+3*12 {
		t.Errorf("%d parameters have a gradient at block 2", n)
	}
}

func TestTrainableFindsAllWeights(t *testing.T) {
	m := trainable(t, tinyModel)
	total := 0 // elements of the file's float initializers
	for _, c := range m.source.Graph.Initializers {
		if c.Type.IsFloat() {
			total += c.Len()
		}
	}
	if got := train.Count(m.Params()); len(m.Fixed()) > 0 || got != total {
		t.Errorf("%d of %d weights are trainable; fixed: %v", got, total, m.Fixed())
	}
	blocks := map[int]int{}
	for _, p := range m.Params() {
		blocks[p.Block]++
	}
	for b := -1; b <= m.Spec().Depth; b++ {
		if blocks[b] == 0 {
			t.Errorf("no parameter in block %d: %v", b, blocks)
		}
	}
}

// TestUntouchedWeightsGiveTheSame checks that promotion to parameters and Sync change no output bit.
func TestUntouchedWeightsGiveTheSame(t *testing.T) {
	plain, err := Open(tinyModel)
	if err != nil {
		t.Fatal(err)
	}
	m := trainable(t, tinyModel)
	m.Sync()
	images := noiseImages(2, 64, 3)
	a, err := plain.Forward(context.Background(), images, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Forward(context.Background(), images, Embedding)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a[0].Float32s(), b[0].Float32s()) {
		t.Error("outputs differ")
	}
}

func TestSaveKeepsTheFile(t *testing.T) {
	m := trainable(t, tinyModel)
	for _, p := range m.Params() {
		for i := range p.Value {
			p.Value[i] *= 1.01
		}
	}
	m.Sync()
	path := filepath.Join(t.TempDir(), "saved.onnx")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	images := noiseImages(2, 64, 5)
	want, err := m.Forward(context.Background(), images, Embedding, Block(3))
	if err != nil {
		t.Fatal(err)
	}
	back, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := back.Forward(context.Background(), images, Embedding, Block(3))
	if err != nil {
		t.Fatal(err)
	}
	for k := range got {
		if !slices.Equal(got[k].Float32s(), want[k].Float32s()) {
			t.Errorf("tap %d of the saved file differs", k)
		}
	}
	a, b := m.source, back.source
	if len(a.Graph.Nodes) != len(b.Graph.Nodes) || a.Opsets[""] != b.Opsets[""] || a.Graph.Outputs[0].Name != b.Graph.Outputs[0].Name {
		t.Error("the saved file has another graph")
	}
	fresh, err := m.Model.Trainable()
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Params()[0].Value[0] == m.Params()[0].Value[0] {
		t.Error("saving changed the model that was opened")
	}
}

// TestGradientsDoNotDependOnProcessors compares gradients bit for bit for one and several workers.
func TestGradientsDoNotDependOnProcessors(t *testing.T) {
	images := noiseImages(7, 64, 7)
	var want [][]float32
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		m := trainable(t, tinyModel)
		_, err := m.Accumulate(context.Background(), images, []Tap{Embedding, Tokens}, probeLoss)
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range m.Params() {
			if procs == 1 {
				want = append(want, p.Grad)
			} else if !slices.Equal(want[i], p.Grad) {
				t.Fatalf("%d processors: gradient of %s differs", procs, p.Name)
			}
		}
	}
}

func TestFreeze(t *testing.T) {
	m := trainable(t, tinyModel)
	m.Freeze(func(p *train.Param) bool { return p.Role == train.Norm })
	if _, err := m.Accumulate(context.Background(), noiseImages(1, 64, 9), []Tap{Embedding}, probeLoss); err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		if zero := !slices.ContainsFunc(p.Grad, func(g float32) bool { return g != 0 }); zero != (p.Role != train.Norm) {
			t.Errorf("%s (%s): gradient is zero: %t", p.Name, p.Role, zero)
		}
	}
	m.Freeze(func(*train.Param) bool { return false })
	if _, err := m.Accumulate(context.Background(), noiseImages(1, 64, 9), []Tap{Embedding}, probeLoss); err == nil {
		t.Error("training nothing is no error")
	}
}

// TestWeightGradientsOfExports checks the encoders that other exporters wrote.
func TestWeightGradientsOfExports(t *testing.T) {
	root := sharedGoldens(t)
	for _, g := range goldens(t, root) {
		t.Run(g.ID, func(t *testing.T) {
			if strings.Contains(g.ID, "qdq") {
				t.Skip("rounding has a straight-through gradient, which is no slope")
			}
			m, err := OpenTrainable(filepath.Join(root, g.File), WithInput(g.Input))
			if err != nil {
				t.Fatal(err)
			}
			size := m.Spec().ImageSize[0]
			if n := checkWeightGradients(t, m, noiseImages(1, size, 11)[0], Embedding); n < len(m.Params())*9/10 || len(m.Fixed()) > 0 {
				t.Errorf("%d of %d parameters have a gradient; fixed: %v", n, len(m.Params()), m.Fixed())
			}
		})
	}
}
