package attack_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// loss is an objective at one image, evaluated through an encoder: the tests' own small version of what
// attacks do.
type loss struct {
	t    testing.TB
	enc  encoder.Encoder
	l    attack.Loss
	taps []encoder.Tap
}

func bind(t testing.TB, o attack.Objective, enc encoder.Encoder, task attack.Task, clean *tensor.Dense) *loss {
	t.Helper()
	l, err := o.Bind(enc.Spec(), &task, 0)
	if err != nil {
		t.Fatal(err)
	}
	taps, refs := l.Taps()
	if target, ok := l.(attack.Targeted); ok {
		clean = target.Target()
	}
	if len(refs) > 0 {
		tr, err := enc.Trace(context.Background(), []*tensor.Dense{clean}, refs...)
		if err != nil {
			t.Fatal(err)
		}
		var acts []*tensor.Dense
		for i := range refs {
			acts = append(acts, tr.Activation(i).Clone().(*tensor.Dense))
		}
		tr.Close()
		if err := l.Reference(acts); err != nil {
			t.Fatal(err)
		}
	}
	return &loss{t, enc, l, taps}
}

// at returns the value at x and, if asked, the pixel gradient.
func (l *loss) at(x *tensor.Dense, gradient bool) (float64, []float32) {
	l.t.Helper()
	tr, err := l.enc.Trace(context.Background(), []*tensor.Dense{x}, l.taps...)
	if err != nil {
		l.t.Fatal(err)
	}
	defer tr.Close()
	var act, cot []*tensor.Dense
	for i := range l.taps {
		act = append(act, tr.Activation(i))
		if gradient {
			c := tr.Activation(i).Clone().(*tensor.Dense)
			for k := range c.Data().([]float32) {
				c.Data().([]float32)[k] = 7 // every element must be overwritten
			}
			cot = append(cot, c)
		}
	}
	v, err := l.l.Eval(act, cot)
	if err != nil {
		l.t.Fatal(err)
	}
	if !gradient {
		return v, nil
	}
	g, err := tr.VJP(context.Background(), cot)
	if err != nil {
		l.t.Fatal(err)
	}
	return v, append([]float32(nil), g[0].Data().([]float32)...)
}

// checkGradient compares the gradient with central differences along random directions.
func checkGradient(t *testing.T, l *loss, x *tensor.Dense, tol float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 5))
	_, g := l.at(x, true)
	scale := 0.0
	for _, v := range g {
		scale += float64(v) * float64(v)
	}
	scale = math.Sqrt(scale)
	if scale == 0 {
		t.Fatal("the gradient is zero")
	}
	const h = 2e-3
	for range 8 {
		plus, minus := x.Clone().(*tensor.Dense), x.Clone().(*tensor.Dense)
		along := 0.0
		for k, v := range x.Data().([]float32) {
			d := rng.NormFloat64()
			if k%3 == 0 {
				d += float64(g[k]) / scale * 5
			}
			p, m := float32(float64(v)+h*d), float32(float64(v)-h*d)
			plus.Data().([]float32)[k], minus.Data().([]float32)[k] = p, m
			along += float64(g[k]) * (float64(p) - float64(m))
		}
		a, _ := l.at(plus, false)
		b, _ := l.at(minus, false)
		if math.Abs(a-b-along) > tol*(math.Abs(along)+h*scale) {
			t.Errorf("along a random direction the difference is %g, the gradient says %g", a-b, along)
		}
	}
}

// near returns x moved a little, so that objectives that compare with x have a gradient.
func near(x *tensor.Dense, seed uint64, by float64) *tensor.Dense {
	rng := rand.New(rand.NewPCG(seed, 6))
	y := x.Clone().(*tensor.Dense)
	for k, v := range y.Data().([]float32) {
		y.Data().([]float32)[k] = float32(min(max(float64(v)+by*(2*rng.Float64()-1), 0.01), 0.99))
	}
	return y
}

func mustObjective(t testing.TB, text string) attack.Objective {
	t.Helper()
	o, err := attack.ParseObjective(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestObjectiveGradients(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 8, 4, 6, 2, 5)
	images := attacktest.Smooth(4, 2, 8, 8)
	task := attack.Task{Images: images[1:], Embeddings: [][]float32{{1, -2, 0.5, 0.3, 0.1}}}
	var err error
	if task.Prototypes, err = attack.BuildPrototypes(context.Background(), enc, attacktest.Images(8, 6, 8, 8), 3, 1); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"prm", "prm(layers=stem)", "prm(layers=last,tokens=patch)", "prm(layers=blocks,tokens=cls,weights=1+0.25)", "prm(layers=block.0.v+block.-1)", "prm(tokens=mean)",
		"embedding", "embedding(distance=l2)", "embedding(target=image)", "embedding(target=embedding)", "embedding(distance=l2,target=embedding)",
		"dr", "dr(layers=stem,sign=released)", "nrdm", "values(enhance=false)", "values(blocks=all)", "pa-attack", "pa-attack(lambda=0.5,tau=3,block=1)",
		"attention(token=2)", "attention(blocks=1)", "sum(prm,embedding,dr,weights=1+0.5+-2)", "sum(embedding(target=image),match(clusters=2))",
		"match(clusters=2)", "match(clusters=4,lambda=0.3,reg=0.05)", "pooled", "pooled(weight=3)",
	} {
		t.Run(text, func(t *testing.T) {
			l := bind(t, mustObjective(t, text), enc, task, images[0])
			checkGradient(t, l, near(images[0], 1, 0.1), 2e-3)
		})
	}
}

func TestLogitGradients(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 8, 4, 6, 2, 5)
	clean := attacktest.Smooth(4, 1, 8, 8)[0]
	for _, classes := range []int{1, 2, 3, 4, 7} {
		for _, text := range []string{"ce", "cw", "dlr", "dlr-t", "dlr-t(rank=2)", "dlr-t(rank=3)"} {
			heads := map[string]attack.Task{
				"label":  {Head: attacktest.NewHead(1, encoder.Embedding, 5, classes), Labels: [][]int{{classes / 2}}},
				"tokens": {Head: attacktest.NewHead(2, encoder.Block(0), 6, classes), Labels: [][]int{{0, classes / 2, -1, 1, 0}}},
			}
			for name, task := range heads {
				if classes == 3 && text == "dlr-t(rank=2)" {
					return // (z_π3 − z_π1)/(z_π1 − z_π3) is constant
				}
				if name == "label" {
					task.Labels[0][0] = top(t, enc, task.Head, near(clean, 1, 0.1)) // DLR is constant where the label comes last of three
				}
				t.Run(fmt.Sprintf("%s/%s/%d classes", text, name, classes), func(t *testing.T) {
					o := mustObjective(t, text)
					if logits, ok := o.(attack.Logits); ok && logits.Rank > max(classes, 2)-1 {
						if _, err := o.Bind(enc.Spec(), &task, 0); err == nil {
							t.Error("a rank beyond the wrong classes is no error")
						}
						return
					}
					checkGradient(t, bind(t, o, enc, task, clean), near(clean, 1, 0.1), 5e-3)
				})
			}
		}
	}
}

// top returns the class of the largest logit.
func top(t *testing.T, enc encoder.Encoder, head attack.Classifier, x *tensor.Dense) int {
	tr, err := enc.Trace(context.Background(), []*tensor.Dense{x}, head.Taps()...)
	if err != nil {
		t.Fatal(err)
	}
	z, err := head.Logits(nil, []*tensor.Dense{tr.Activation(0)})
	if err != nil {
		t.Fatal(err)
	}
	best := 0
	for i, v := range z {
		if v > z[best] {
			best = i
		}
	}
	return best
}

// TestPRMValue computes PRM from its formula, with plain loops over the activations.
func TestPRMValue(t *testing.T) {
	enc := attacktest.NewViT(3, 8, 12, 4, 6, 2, 5)
	clean := attacktest.Images(4, 1, 8, 12)[0]
	adv := near(clean, 2, 0.2)
	got, _ := bind(t, attack.PRM{}, enc, attack.Task{}, clean).at(adv, false)
	want := 0.0
	for _, tap := range []encoder.Tap{"stem", "block.0", "block.1"} {
		var acts [2][]float32
		for i, x := range []*tensor.Dense{clean, adv} {
			tr, err := enc.Trace(context.Background(), []*tensor.Dense{x}, tap)
			if err != nil {
				t.Fatal(err)
			}
			acts[i] = tr.Activation(0).Data().([]float32)
		}
		const tokens, width = 7, 6
		for k := range tokens {
			var ab, aa, bb float64
			for c := range width {
				a, b := float64(acts[0][k*width+c]), float64(acts[1][k*width+c])
				ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
			}
			want -= ab / math.Sqrt(aa*bb) / tokens
		}
	}
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("PRM is %v, its formula %v", got, want)
	}
	if at, _ := bind(t, attack.PRM{}, enc, attack.Task{}, clean).at(clean, false); math.Abs(at+3) > 1e-12 {
		t.Errorf("PRM at the clean image is %v, want −3", at)
	}
}

// TestConvolutionalTokens checks that a feature map counts every location as a token.
func TestConvolutionalTokens(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	draw := func(shape ...int) *tensor.Dense {
		x := make([]float32, tensor.Shape(shape).TotalSize())
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))
	}
	a, b := draw(1, 3, 2, 4), draw(1, 3, 2, 4)
	tokens := func(m *tensor.Dense) *tensor.Dense { // 1×C×H×W → 1×HW×C
		x := make([]float32, 24)
		for i, v := range m.Data().([]float32) {
			x[i%8*3+i/8] = v
		}
		return tensor.New(tensor.WithShape(1, 8, 3), tensor.WithBacking(x))
	}
	eval := func(a, b *tensor.Dense) (float64, *tensor.Dense) {
		l, err := attack.PRM{Layers: "stem"}.Bind(encoder.Spec{}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Reference([]*tensor.Dense{b}); err != nil {
			t.Fatal(err)
		}
		g := a.Clone().(*tensor.Dense)
		v, err := l.Eval([]*tensor.Dense{a}, []*tensor.Dense{g})
		if err != nil {
			t.Fatal(err)
		}
		return v, g
	}
	v1, g1 := eval(a, b)
	v2, g2 := eval(tokens(a), tokens(b))
	if v1 != v2 || !attacktest.Equal(tokens(g1), g2) {
		t.Errorf("a feature map gives %v, the same numbers as tokens %v", v1, v2)
	}
}

// TestCosineAtZero checks that a zero token has a finite value and gradient.
func TestCosineAtZero(t *testing.T) {
	zero := tensor.New(tensor.WithShape(1, 2, 3), tensor.Of(tensor.Float32))
	one := tensor.New(tensor.WithShape(1, 2, 3), tensor.WithBacking([]float32{1, 0, 0, 0, 0, 0}))
	for _, pair := range [][2]*tensor.Dense{{zero, one}, {one, zero}, {zero, zero}} {
		l, err := attack.PRM{Layers: "stem"}.Bind(encoder.Spec{}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		g := zero.Clone().(*tensor.Dense)
		if err := l.Reference(pair[1:]); err != nil {
			t.Fatal(err)
		}
		v, err := l.Eval(pair[:1], []*tensor.Dense{g})
		if err != nil || v != 0 {
			t.Errorf("value %v, %v", v, err)
		}
		for _, d := range g.Data().([]float32) {
			if math.IsNaN(float64(d)) || math.IsInf(float64(d), 0) {
				t.Errorf("gradient %v", g.Data())
			}
		}
	}
}
