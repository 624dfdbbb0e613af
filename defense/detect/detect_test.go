package detect

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
	"github.com/plumbline-ml/plumbline/encoder"
)

func pictures(n int, from uint64) []*tensor.Dense {
	out := make([]*tensor.Dense, n)
	for i := range out {
		out[i] = defensetest.Picture(20, 18, from+uint64(i))
	}
	return out
}

// strange are pictures unlike the others: coarse black and white noise.
func strange(n int) []*tensor.Dense {
	out := make([]*tensor.Dense, n)
	for i := range out {
		rng := rand.New(rand.NewPCG(uint64(i), 99))
		p := defense.NewPicture(20, 18)
		for k := range p.Pix {
			if k%3 == 0 || k == 0 {
				p.Pix[k] = float32(rng.IntN(2))
			} else {
				p.Pix[k] = p.Pix[k-1]
			}
		}
		out[i] = p.Tensor()
	}
	return out
}

func texts(n int) [][]float32 {
	rng := rand.New(rand.NewPCG(3, 3))
	out := make([][]float32, n)
	for i := range out {
		for range 12 {
			out[i] = append(out[i], float32(rng.NormFloat64()))
		}
	}
	return out
}

func squeezers(t *testing.T, exprs ...string) []defense.Defense {
	t.Helper()
	var out []defense.Defense
	for _, e := range exprs {
		d, err := defense.Parse(e, defense.Resources{})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

// detectors builds one of each kind on small linear encoders; all their squeezers have exact gradients.
func detectors(t *testing.T) map[string]*Detector {
	t.Helper()
	ctx := t.Context()
	e, other := defensetest.NewLinear(1), defensetest.NewLinear(2)
	out := map[string]*Detector{}
	keep := func(name string, d *Detector, err error) {
		if err != nil {
			t.Fatal(name, err)
		}
		out[name] = d
	}
	d, err := FeatureSqueezing(e, squeezers(t, "gaussian(1)", "tv(0.05,10)"), nil, defense.Stream{})
	keep("squeezing", d, err)
	d, err = FeatureSqueezing(e, squeezers(t, "gaussian(2)"), texts(3), defense.Stream{})
	keep("squeezing with classes", d, err)
	d, err = NoiseDrift(e, 0.05, 3, 7)
	keep("noise drift", d, err)
	d, err = TokenConsistency(ctx, e, encoder.Tokens, 1)
	keep("token consistency", d, err)
	d, err = Disagreement(ctx, e, other, pictures(6, 50))
	keep("disagreement", d, err)
	d, err = TokenKNN(ctx, e, encoder.Tokens, pictures(20, 50), 3, 50)
	keep("token k-NN", d, err)
	d, err = Mahalanobis(ctx, e, []encoder.Tap{encoder.Tokens}, pictures(40, 50), nil)
	keep("mahalanobis", d, err)
	return out
}

// Scores do not depend on the batch, and gradients agree with central differences.
func TestScoresAndGradients(t *testing.T) {
	for name, d := range detectors(t) {
		images := pictures(3, 1)
		scores, err := d.Scores(t.Context(), images)
		if err != nil {
			t.Fatal(name, err)
		}
		for i, img := range images {
			alone, err := d.Scores(t.Context(), []*tensor.Dense{img})
			if err != nil || alone[0] != scores[i] {
				t.Errorf("%s: %g alone, %g in a batch (%v)", name, alone[0], scores[i], err)
			}
		}
		if name == "noise drift" {
			continue // its draws depend on the picture's content: see TestNoiseDriftGradient
		}
		score, grad, err := d.Gradient(t.Context(), images[0])
		if err != nil || score != scores[0] {
			t.Errorf("%s: Gradient says %g, Scores %g (%v)", name, score, scores[0], err)
		}
		checkGradient(t, d, images[0], grad, name)
	}
}

func checkGradient(t *testing.T, d *Detector, img, grad *tensor.Dense, name string) {
	t.Helper()
	g := grad.Data().([]float32)
	scale := 0.0
	for _, v := range g {
		scale += math.Abs(float64(v))
	}
	value := func(step float64) float64 {
		x := img.Clone().(*tensor.Dense)
		pix := x.Data().([]float32)
		for i, v := range g {
			pix[i] += float32(step * math.Copysign(1, float64(v)))
		}
		s, err := d.Scores(t.Context(), []*tensor.Dense{x})
		if err != nil {
			t.Fatal(err)
		}
		return s[0]
	}
	const h = 3e-4
	lower, upper := value(-h), value(h)
	if scale == 0 {
		t.Errorf("%s: the gradient is zero", name)
	}
	if got := (upper - lower) / (2 * h); !(math.Abs(got-scale) <= 0.02*scale) {
		t.Errorf("%s: %g by differences, %g by the gradient", name, got, scale)
	}
}

// The gradient of the drift for fixed draws, in float64 on the measure itself.
func TestNoiseDriftGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var x [][]activation
	for range 4 {
		a := activation{shape: []int{5}}
		for range 5 {
			a.v = append(a.v, float32(rng.NormFloat64()))
		}
		x = append(x, []activation{a})
	}
	_, grad := drift(x, true)
	for i := range x {
		for k := range x[i][0].v {
			const h = 1.0 / 512
			old := x[i][0].v[k]
			x[i][0].v[k] = old + h
			up, _ := drift(x, false)
			x[i][0].v[k] = old - h
			down, _ := drift(x, false)
			x[i][0].v[k] = old
			if got := (up - down) / (2 * h); math.Abs(got-grad[i][0][k]) > 1e-4 {
				t.Errorf("term %d value %d: %g by differences, %g by the gradient", i, k, got, grad[i][0][k])
			}
		}
	}
}

// Detectors that know clean pictures find strange ones; the area under the ROC curve is the fraction of pairs in order.
func TestDetectorsFindStrangePictures(t *testing.T) {
	all := detectors(t)
	for _, name := range []string{"token k-NN", "mahalanobis", "squeezing", "token consistency"} {
		clean, err := all[name].Scores(t.Context(), pictures(30, 500))
		if err != nil {
			t.Fatal(err)
		}
		odd, err := all[name].Scores(t.Context(), strange(30))
		if err != nil {
			t.Fatal(err)
		}
		inOrder := 0.0
		for _, o := range odd {
			for _, c := range clean {
				if o > c {
					inOrder += 1.0 / 900
				}
			}
		}
		if inOrder < 0.95 {
			t.Errorf("%s: area under the curve %.3f", name, inOrder)
		}
	}
}

// Known answers: an encoder never disagrees with itself, a grey picture is consistent, a clean picture is its own neighbour.
func TestKnownScores(t *testing.T) {
	ctx := t.Context()
	e := defensetest.NewLinear(1)
	same, err := Disagreement(ctx, e, e, pictures(6, 50))
	if err != nil {
		t.Fatal(err)
	}
	near, err := TokenKNN(ctx, e, encoder.Tokens, pictures(5, 1), 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	still, err := TokenConsistency(ctx, e, encoder.Tokens, 2)
	if err != nil {
		t.Fatal(err)
	}
	grey := defense.NewPicture(12, 12)
	for i := range grey.Pix {
		grey.Pix[i] = 0.7
	}
	for d, img := range map[*Detector]*tensor.Dense{same: pictures(1, 1)[0], near: pictures(1, 1)[0], still: grey.Tensor()} {
		s, err := d.Scores(ctx, []*tensor.Dense{img})
		if err != nil || math.Abs(s[0]) > 1e-6 {
			t.Errorf("%s: %v, error %v", d, s, err)
		}
	}
}

// With one class and identity covariance the distance is the squared Euclidean one; shrinkage leaves a well-sampled
// covariance nearly alone.
func TestGaussians(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sd := []float64{1, 2, 0.5}
	var x [][]float64
	for range 4000 {
		x = append(x, []float64{5 + sd[0]*rng.NormFloat64(), sd[1] * rng.NormFloat64(), sd[2] * rng.NormFloat64()})
	}
	g, err := fitGaussians(x, make([]int, len(x)))
	if err != nil {
		t.Fatal(err)
	}
	f := []float64{7, 2, 1}
	want := 4/1.0 + 4/4.0 + 1/0.25
	if d, _ := g.distance(f); math.Abs(d-want) > 0.05*want {
		t.Errorf("distance %g, want about %g", d, want)
	}
	labels := make([]int, len(x))
	for i := range x {
		if i%2 == 1 {
			labels[i] = 1
			x[i][1] += 100
		}
	}
	two, err := fitGaussians(x, labels)
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := two.distance([]float64{7, 102, 1}); math.Abs(d-want) > 0.07*want {
		t.Errorf("distance from the second class %g, want about %g", d, want)
	}
	// fewer pictures than dimensions: still definite
	var few [][]float64
	for range 5 {
		row := make([]float64, 40)
		for k := range row {
			row[k] = rng.NormFloat64()
		}
		few = append(few, row)
	}
	if _, err := fitGaussians(few, make([]int, 5)); err != nil {
		t.Error(err)
	}
}

// The k kept are those a full sort would put first.
func TestNearest(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 9))
	n := newNearest(4)
	for range 50 {
		n.reset()
		var all []float64
		for i := range 30 {
			all = append(all, float64(rng.IntN(12)))
			n.offer(i, all[i])
		}
		order := make([]int, len(all))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return int(all[b] - all[a]) })
		if !slices.Equal(n.index, order[:4]) {
			t.Fatalf("kept %v of %v, want %v", n.index, all, order[:4])
		}
	}
}

func TestBadConstruction(t *testing.T) {
	ctx := context.Background()
	e := defensetest.NewLinear(1)
	for name, f := range map[string]func() error{
		"no squeezers": func() error { _, err := FeatureSqueezing(e, nil, nil, defense.Stream{}); return err },
		"class texts": func() error {
			_, err := FeatureSqueezing(e, squeezers(t, "median"), texts(1), defense.Stream{})
			return err
		},
		"has 3 values": func() error {
			_, err := FeatureSqueezing(e, squeezers(t, "median"), [][]float32{{1, 2, 3}, {1, 2, 3}}, defense.Stream{})
			return err
		},
		"draws":           func() error { _, err := NoiseDrift(e, 0.1, 0, 1); return err },
		"eps":             func() error { _, err := NoiseDrift(e, 0, 2, 1); return err },
		"shift":           func() error { _, err := TokenConsistency(ctx, e, encoder.Tokens, 0); return err },
		"no patch tokens": func() error { _, err := TokenConsistency(ctx, e, encoder.Embedding, 1); return err },
		"no tap":          func() error { _, err := TokenKNN(ctx, e, "block.7", pictures(2, 1), 1, 9); return err },
		"anchors":         func() error { _, err := Disagreement(ctx, e, e, pictures(2, 1)); return err },
		"k = 99":          func() error { _, err := TokenKNN(ctx, e, encoder.Tokens, pictures(2, 1), 99, 100); return err },
		"missing":         func() error { _, err := TokenKNN(ctx, e, encoder.Tokens, nil, 1, 100); return err },
		"eight pictures": func() error {
			_, err := Mahalanobis(ctx, e, []encoder.Tap{encoder.Tokens}, pictures(3, 1), nil)
			return err
		},
		"all look the same": func() error {
			_, err := Mahalanobis(ctx, e, []encoder.Tap{encoder.Tokens}, slices.Repeat(pictures(1, 1), 10), nil)
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), name) && name != "all look the same" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
