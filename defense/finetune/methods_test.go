package finetune

import (
	"context"
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// table is an encoder whose activations are looked up by the first pixel of an image.
type table struct {
	spec encoder.Spec
	rows map[float32]map[encoder.Tap][]float32
	dims map[encoder.Tap][]int
}

func (e table) Spec() encoder.Spec { return e.spec }

func (e table) Trace(context.Context, []*tensor.Dense, ...encoder.Tap) (encoder.Trace, error) {
	panic("no gradient is needed here")
}

func (e table) Forward(_ context.Context, images []*tensor.Dense, taps ...encoder.Tap) (out []*tensor.Dense, err error) {
	for _, t := range taps {
		var all []float32
		for _, x := range images {
			all = append(all, e.rows[x.Float32s()[0]][t]...)
		}
		out = append(out, tensor.New(tensor.WithShape(append([]int{len(images)}, e.dims[t]...)...), tensor.WithBacking(all)))
	}
	return out, nil
}

func pixel(v float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(3, 1, 1), tensor.WithBacking([]float32{v, 0, 0}))
}

func vector(v ...float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(1, len(v)), tensor.WithBacking(v))
}

// checkLoss compares a loss with a value worked out by hand, and its gradient with central differences.
func checkLoss(t *testing.T, name string, loss encoder.LossFunc, i int, act []*tensor.Dense, want float64) {
	t.Helper()
	var cot []*tensor.Dense
	for _, a := range act {
		c := a.Clone().(*tensor.Dense)
		for k := range c.Float32s() {
			c.Float32s()[k] = float32(math.NaN()) // every element must be overwritten
		}
		cot = append(cot, c)
	}
	got, err := loss(i, act, cot)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
		t.Errorf("%s: loss %v, want %v", name, got, want)
	}
	for k, a := range act {
		for j, v := range a.Float32s() {
			const h = 1e-3
			at := func(v float32) float64 {
				a.Float32s()[j] = v
				f, err := loss(i, act, nil)
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			d := (at(v+h) - at(v-h)) / (2 * h)
			a.Float32s()[j] = v
			if g := float64(cot[k].Float32s()[j]); !(math.Abs(g-d) <= 2e-3*(1+math.Abs(d)+1e-4*math.Abs(want))) {
				t.Errorf("%s: gradient %v at tap %d element %d, difference %v", name, g, k, j, d)
			}
		}
	}
}

func trained(t *testing.T, m Method, b *Batch) Objective {
	t.Helper()
	o, err := m.Trained(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func embedder(rows map[float32][]float32) table {
	e := table{spec: encoder.Spec{Embedding: 2}, rows: map[float32]map[encoder.Tap][]float32{}, dims: map[encoder.Tap][]int{encoder.Embedding: {2}}}
	for k, v := range rows {
		e.rows[k] = map[encoder.Tap][]float32{encoder.Embedding: v}
	}
	return e
}

func TestFARELoss(t *testing.T) {
	b := &Batch{Teacher: embedder(map[float32][]float32{0.1: {1, 2}}), Clean: []*tensor.Dense{pixel(0.1)}, Adv: []*tensor.Dense{pixel(0.2)}}
	o := trained(t, FARE{}, b)
	if o.Images[0] != b.Adv[0] {
		t.Error("trains on another image than the attacked one")
	}
	checkLoss(t, "fare", o.Loss, 0, []*tensor.Dense{vector(4, -2)}, 9+16)
}

// smallAngle are unit text embeddings whose logits differ by little, so that differences see them.
var smallAngle = [][]float32{{1, 0}, {float32(math.Cos(0.02)), float32(math.Sin(0.02))}}

func TestTeCoALoss(t *testing.T) {
	o := trained(t, TeCoA{}, &Batch{Text: smallAngle, Labels: []int{1}})
	// The embedding lies along the first class: logits 100 and 100·cos 0.02.
	gap := 100 * (1 - math.Cos(0.02))
	checkLoss(t, "tecoa", o.Loss, 0, []*tensor.Dense{vector(3, 0)}, math.Log(1+math.Exp(gap)))
}

func TestPMGAFTLoss(t *testing.T) {
	clean, attacked := pixel(0.1), pixel(0.2)
	teacher := embedder(map[float32][]float32{0.2: {1, 0.05}})
	b := &Batch{Teacher: teacher, Text: smallAngle, Labels: []int{0}, Clean: []*tensor.Dense{clean}, Adv: []*tensor.Dense{attacked}}
	o, err := pmgAFT(context.Background(), b, embedder(map[float32][]float32{0.1: {1, -0.05}}))
	if err != nil {
		t.Fatal(err)
	}
	p := func(x, y float64) (p0, p1 float64) {
		n := math.Hypot(x, y)
		d := 100 * (x/n - (x*math.Cos(0.02)+y*math.Sin(0.02))/n)
		return 1 / (1 + math.Exp(-d)), 1 / (1 + math.Exp(d))
	}
	kl := func(a0, a1, b0, b1 float64) float64 { return a0*math.Log(a0/b0) + a1*math.Log(a1/b1) }
	z0, z1 := p(2, 0.02)
	f0, f1 := p(1, 0.05)
	c0, c1 := p(1, -0.05)
	checkLoss(t, "pmg-aft", o.Loss, 0, []*tensor.Dense{vector(2, 0.02)}, -math.Log(z0)+kl(f0, f1, z0, z1)+kl(c0, c1, z0, z1))
}

func TestSimCLIPLoss(t *testing.T) {
	student := embedder(map[float32][]float32{0.1: {0, 2}, 0.2: {3, 4}})
	o, err := simCLIP(context.Background(), &Batch{Clean: []*tensor.Dense{pixel(0.1)}, Adv: []*tensor.Dense{pixel(0.2)}}, student)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Images) != 2 {
		t.Fatalf("%d images", len(o.Images))
	}
	checkLoss(t, "sim-clip, attacked", o.Loss, 0, []*tensor.Dense{vector(3, 4)}, -0.5*0.8)
	checkLoss(t, "sim-clip, clean", o.Loss, 1, []*tensor.Dense{vector(0, 2)}, -0.5*0.8)
}

func TestJacobianLoss(t *testing.T) {
	x := pixel(0.5)
	teacher := embedder(map[float32][]float32{0.5: {1, 1}})
	student := embedder(map[float32][]float32{0.5: {1, 2}, 0.5 + jacobianStep: {1.5, 2}, 0.5 - jacobianStep: {1.5, 2}})
	b := &Batch{Teacher: teacher, Clean: []*tensor.Dense{x}, Step: 3}
	o, err := jacobian(context.Background(), b, student)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range o.Images[1].Float32s() {
		if d := math.Abs(float64(v - x.Float32s()[i])); math.Abs(d-jacobianStep) > 1e-7 {
			t.Errorf("pixel %d moved by %v", i, d)
		}
	}
	slope := 0.5 * 255.0
	checkLoss(t, "jacobian", o.Loss, 0, []*tensor.Dense{vector(1, 2)}, 1+jacobianWeight*slope*slope)
}

func TestTokenFARELoss(t *testing.T) {
	spec := encoder.Spec{Depth: 1, CLS: true, Embedding: 2}
	dims := map[encoder.Tap][]int{encoder.Stem: {3, 2}, encoder.Block(0): {3, 2}, encoder.Embedding: {2}}
	teacher := table{spec: spec, dims: dims, rows: map[float32]map[encoder.Tap][]float32{0.1: {
		encoder.Stem: {9, 9, 1, 0, 0, 1}, encoder.Block(0): {9, 9, 2, 0, 0, 2}, encoder.Embedding: {3, 4},
	}}}
	b := &Batch{Teacher: teacher, Clean: []*tensor.Dense{pixel(0.1)}, Adv: []*tensor.Dense{pixel(0.2)}}
	o, err := tokenFARE(context.Background(), b, spec)
	if err != nil {
		t.Fatal(err)
	}
	tokens := func(v ...float32) *tensor.Dense { return tensor.New(tensor.WithShape(1, 3, 2), tensor.WithBacking(v)) }
	act := []*tensor.Dense{tokens(5, 5, 1, 1, 0, 1), tokens(5, 5, 2, 0, 2, 2), vector(3, 6)}
	// Stem: 1 of 2; block 0: 4 of 8; in the mean, and embedding: 4 of 25. The class token does not count.
	checkLoss(t, "tokenfare", o.Loss, 0, act, (0.5+0.5)/2+4.0/25)
	_, attacked, err := tokenPRM(context.Background(), b, spec)
	if err != nil {
		t.Fatal(err)
	}
	r2 := math.Sqrt2 / 2
	// Mean cosines over all three tokens: 1, 1/√2, 1 and 1, 1, 1/√2.
	checkLoss(t, "tokenfare, attack", attacked, 0, []*tensor.Dense{tokens(5, 5, 1, 1, 0, 1), tokens(5, 5, 2, 0, 2, 2)}, -(2+r2)/3-(2+r2)/3)
}

func TestFindMethods(t *testing.T) {
	for _, n := range Names() {
		if m, err := Find(n); err != nil || m.Name() != n {
			t.Errorf("%s: %v", n, err)
		}
	}
	if _, err := Find("fair"); err == nil {
		t.Error("an unknown method was found")
	}
}
