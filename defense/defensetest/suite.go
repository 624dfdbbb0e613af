package defensetest

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/encoder"
)

// Picture returns a picture of smooth colours with some texture, strictly inside (0,1).
func Picture(h, w int, seed uint64) *tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 5))
	pix := make([]float32, 3*h*w)
	for i := range pix {
		c, y, x := i/(h*w), i/w%h, i%w
		v := 0.5 + 0.2*math.Sin(float64(x)/3+float64(seed)) + 0.15*math.Cos(float64(y)/2+float64(c))
		pix[i] = float32(v + 0.1*(rng.Float64()-0.5))
	}
	return tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(pix))
}

// Run checks that a defence keeps its promises on the encoder of this package: its expression parses back, it leaves
// its input alone, a batch equals its images one by one bit for bit, it is random exactly if it says so, and, if it says
// that its gradient is exact and it is not random (draws depend on the picture's content), that central differences agree
// within tol times the sum of the gradient's magnitudes.
func Run(t *testing.T, d defense.Defense, r defense.Resources, tol float64) {
	t.Helper()
	again, err := defense.Parse(d.String(), r)
	if err != nil || again.String() != d.String() || again.Name() != d.Name() {
		t.Fatalf("%s parses back as %v (error %v)", d, again, err)
	}
	if d.Differentiable() != (d.Surrogate() == defense.Exact) {
		t.Errorf("Differentiable is %v, Surrogate %s", d.Differentiable(), d.Surrogate())
	}
	e, err := d.Wrap(NewLinear(3), defense.Stream{Seed: 11})
	if err != nil {
		t.Fatal(err)
	}
	images := []*tensor.Dense{Picture(19, 23, 1), Picture(16, 16, 2), Picture(24, 17, 3)}
	CheckBatch(t, e, images)
	checkRandom(t, d, images[0])
	if d.Differentiable() && !d.Random() {
		for _, img := range images[:2] {
			CheckGradient(t, e, img, tol)
		}
	}
}

// CheckBatch checks that a batch equals its images one by one, bit for bit, and that e leaves them alone.
func CheckBatch(t *testing.T, e encoder.Encoder, images []*tensor.Dense) {
	t.Helper()
	before := slices.Clone(images[0].Data().([]float32))
	acts, grads := evaluate(t, e, images)
	for b, img := range images {
		a, g := evaluate(t, e, []*tensor.Dense{img})
		for i := range a {
			row := len(acts[i]) / len(images)
			if !slices.Equal(a[i], acts[i][b*row:(b+1)*row]) {
				t.Errorf("image %d: activation %d differs between batch and alone", b, i)
			}
		}
		if !slices.Equal(g[0], grads[b]) {
			t.Errorf("image %d: gradient differs between batch and alone", b)
		}
	}
	if !slices.Equal(before, images[0].Data().([]float32)) {
		t.Error("the input was changed")
	}
}

// evaluate returns activations and the gradients of a fixed functional of them.
func evaluate(t *testing.T, e encoder.Encoder, images []*tensor.Dense) (acts, grads [][]float32) {
	t.Helper()
	tr, err := e.Trace(context.Background(), images, encoder.Embedding, encoder.Tokens)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	var cots []*tensor.Dense
	for i := range 2 {
		a := tr.Activation(i)
		acts = append(acts, slices.Clone(a.Data().([]float32)))
		cots = append(cots, functional(a))
	}
	gs, err := tr.VJP(context.Background(), cots)
	if err != nil {
		t.Fatal(err)
	}
	for b, g := range gs {
		if !g.Shape().Eq(images[b].Shape()) {
			t.Fatalf("gradient of shape %v for an image of %v", g.Shape(), images[b].Shape())
		}
		grads = append(grads, slices.Clone(g.Data().([]float32)))
	}
	return acts, grads
}

// Evaluate returns e's embedding of one picture and the gradient of a fixed functional of its embedding and tokens.
func Evaluate(t *testing.T, e encoder.Encoder, img *tensor.Dense) (embedding, grad []float32) {
	t.Helper()
	acts, grads := evaluate(t, e, []*tensor.Dense{img})
	return acts[0], grads[0]
}

// functional returns a cotangent that is the same for every image.
func functional(a *tensor.Dense) *tensor.Dense {
	row := a.Shape().TotalSize() / a.Shape()[0]
	out := make([]float32, a.Shape().TotalSize())
	for i := range out {
		out[i] = float32(math.Sin(float64(i%row) + 0.5))
	}
	return tensor.New(tensor.WithShape(a.Shape().Clone()...), tensor.WithBacking(out))
}

func checkRandom(t *testing.T, d defense.Defense, img *tensor.Dense) {
	t.Helper()
	run := func(s defense.Stream) []float32 {
		e, err := d.Wrap(NewLinear(3), s)
		if err != nil {
			t.Fatal(err)
		}
		acts, _ := evaluate(t, e, []*tensor.Dense{img})
		return acts[0]
	}
	first := run(defense.Stream{Seed: 5})
	if !slices.Equal(first, run(defense.Stream{Seed: 5})) {
		t.Error("the same stream gives another result")
	}
	differs := !slices.Equal(first, run(defense.Stream{Seed: 6})) && !slices.Equal(first, run(defense.Stream{Seed: 5, Draw: 1}))
	if differs != d.Random() {
		t.Errorf("Random is %v, but another seed or draw differs: %v", d.Random(), differs)
	}
	if !d.Random() {
		return
	}
	e, _ := d.Wrap(NewLinear(3), defense.Stream{Seed: 5})
	drawn, _ := evaluate(t, e.(defense.Drawer).Draw(1), []*tensor.Dense{img})
	if !slices.Equal(drawn[0], run(defense.Stream{Seed: 5, Draw: 1})) {
		t.Error("Draw(1) is not draw 1")
	}
}

// CheckGradient compares e's gradient of a functional of the embedding and tokens with central differences in random
// directions. e must not be random in the image's content.
func CheckGradient(t *testing.T, e encoder.Encoder, img *tensor.Dense, tol float64) {
	t.Helper()
	value := func(step float64, dir []float32) float64 {
		x := img.Clone().(*tensor.Dense)
		pix := x.Data().([]float32)
		for i := range pix {
			pix[i] += float32(step) * dir[i]
		}
		acts, _ := evaluate(t, e, []*tensor.Dense{x})
		v := 0.0
		for _, a := range acts {
			for i, f := range a {
				v += float64(f) * math.Sin(float64(i)+0.5)
			}
		}
		return v
	}
	_, grads := evaluate(t, e, []*tensor.Dense{img})
	rng := rand.New(rand.NewPCG(9, 9))
	for range 3 {
		dir := make([]float32, len(grads[0]))
		want, scale := 0.0, 0.0
		for i, g := range grads[0] {
			dir[i] = float32(2*rng.IntN(2) - 1)
			if rng.IntN(4) > 0 { // mostly along the gradient, so that the derivative is well above rounding
				dir[i] = float32(math.Copysign(1, float64(g)))
			}
			want += float64(g) * float64(dir[i])
			scale += math.Abs(float64(g))
		}
		const h = 1e-4
		got := (value(h, dir) - value(-h, dir)) / (2 * h)
		if !(math.Abs(got-want) <= tol*scale) || scale == 0 {
			t.Errorf("directional derivative %g by differences, %g by the gradient (scale %g)", got, want, scale)
		}
	}
}
