package defense_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
	"github.com/plumbline-ml/plumbline/encoder"
)

// recorder keeps the pictures that an encoder is shown.
type recorder struct {
	encoder.Encoder
	seen [][]float32
}

func (r *recorder) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	for _, m := range images {
		r.seen = append(r.seen, slices.Clone(m.Data().([]float32)))
	}
	return r.Encoder.Trace(ctx, images, taps...)
}

// shown runs a defence on one picture and returns all that the encoder behind it was shown.
func shown(t *testing.T, expr string, img *tensor.Dense) [][]float32 {
	t.Helper()
	d, err := defense.Parse(expr, withTexts())
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Encoder: defensetest.NewLinear(3)}
	w, err := d.Wrap(r, defense.Stream{Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := w.Trace(t.Context(), []*tensor.Dense{img}, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	tr.Close()
	return r.seen
}

// embeddingAt is the embedding of a picture, and the gradient at its pixels of ⟨cot(z), z⟩.
func embeddingAt(t *testing.T, x []float32, shape tensor.Shape, cot func(z []float32) []float32) (z, grad []float32) {
	t.Helper()
	img := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(slices.Clone(x)))
	tr, err := defensetest.NewLinear(3).Trace(t.Context(), []*tensor.Dense{img}, encoder.Embedding)
	if err != nil {
		t.Fatal(err)
	}
	z = tr.Activation(0).Data().([]float32)
	c := tensor.New(tensor.WithShape(1, len(z)), tensor.WithBacking(cot(z)))
	g, err := tr.VJP(t.Context(), []*tensor.Dense{c})
	if err != nil {
		t.Fatal(err)
	}
	return z, g[0].Data().([]float32)
}

// signStep is clamp(d + α·sign g) to ±ε and x+d to [0,1].
func signStep(d, alpha, eps float64, x, g float32) float64 {
	if g != 0 {
		d += math.Copysign(alpha, float64(g))
	}
	d = min(max(d, -eps), eps)
	return min(max(float64(x)+d, 0), 1) - float64(x)
}

// samePicture compares x + δ with what was shown, up to rounding.
func samePicture(t *testing.T, name string, x []float32, delta []float64, got []float32) {
	t.Helper()
	for i := range x {
		if want := float64(x[i]) + delta[i]; math.Abs(want-float64(got[i])) > 2e-6 {
			t.Fatalf("%s: value %d is %g, want %g", name, i, got[i], want)
		}
	}
}

// The counter-attack written out from the paper and its released code: two sign steps up ‖f(x+δ)−f(x)‖² from the
// noise, their mean with weights e^(βk) where the noise moved the embedding by less than τ, the noise alone otherwise.
func TestTTCReference(t *testing.T) {
	const eps, alpha, beta = 4. / 255, 1. / 255, 2.
	img := defensetest.Picture(20, 20, 1)
	x := img.Data().([]float32)
	for tau, stable := range map[string]bool{"100": true, "0": false} {
		seen := shown(t, "ttc(4/255,2,1/255,"+tau+",2)", img)
		if len(seen) != 4 {
			t.Fatalf("the encoder was shown %d pictures, want the image, two steps and the result", len(seen))
		}
		samePicture(t, "the image", x, make([]float64, len(x)), seen[0])
		ref, _ := embeddingAt(t, x, img.Shape(), slices.Clone[[]float32])
		ref = slices.Clone(ref)
		deltas := [][]float64{make([]float64, len(x))}
		most := 0.0
		for i := range x {
			deltas[0][i] = float64(seen[1][i]) - float64(x[i])
			most = max(most, math.Abs(deltas[0][i]))
		}
		if most > eps+1e-6 || most < 0.9*eps {
			t.Errorf("the noise reaches %g of %g", most, eps)
		}
		for k := range 2 {
			at := make([]float32, len(x))
			for i := range x {
				at[i] = x[i] + float32(deltas[k][i])
			}
			_, g := embeddingAt(t, at, img.Shape(), func(z []float32) []float32 {
				c := make([]float32, len(z))
				for i := range z {
					c[i] = 2 * (z[i] - ref[i])
				}
				return c
			})
			next := make([]float64, len(x))
			for i := range x {
				next[i] = signStep(deltas[k][i], alpha, eps, x[i], g[i])
			}
			deltas = append(deltas, next)
		}
		samePicture(t, "the first step", x, deltas[1], seen[2])
		want := deltas[0]
		if stable {
			want = make([]float64, len(x))
			total := 1 + math.Exp(beta) + math.Exp(2*beta)
			for k, d := range deltas {
				for i, v := range d {
					want[i] += math.Exp(beta*float64(k)) / total * v
				}
			}
		}
		samePicture(t, "the result with tau = "+tau, x, want, seen[3])
	}
}

// The anti-adversary written out from algorithm 1 of arXiv 2103.14347: sign steps down the cross-entropy of the class
// predicted at the start, from γ = 0.
func TestAntiAdversaryReference(t *testing.T) {
	const alpha = 0.02
	img := defensetest.Picture(20, 20, 1)
	x := img.Data().([]float32)
	seen := shown(t, "anti-adversary(2,0.02)", img)
	if len(seen) != 3 {
		t.Fatalf("the encoder was shown %d pictures, want the image, a step and the result", len(seen))
	}
	gamma, label := make([]float64, len(x)), -1
	for k := range 2 {
		at := make([]float32, len(x))
		for i := range x {
			at[i] = x[i] + float32(gamma[i])
		}
		_, g := embeddingAt(t, at, img.Shape(), func(z []float32) []float32 {
			if label < 0 {
				label = mostLikely(z)
			}
			return likelihoodSlope(z, label)
		})
		for i := range x {
			gamma[i] = signStep(gamma[i], alpha, 1, x[i], g[i])
		}
		samePicture(t, "a step", x, gamma, seen[k+1])
	}
}

// logLikelihood is log softmax(100·cos(z, texts))_y.
func logLikelihood(z []float64, y int) float64 {
	var logits []float64
	for _, c := range texts(4) {
		dot, a, b := 0.0, 0.0, 0.0
		for i := range z {
			dot, a, b = dot+z[i]*float64(c[i]), a+z[i]*z[i], b+float64(c[i])*float64(c[i])
		}
		logits = append(logits, 100*dot/math.Sqrt(a*b))
	}
	rest := 0.0
	for k, v := range logits {
		if k != y {
			rest += math.Exp(v - logits[y])
		}
	}
	return -math.Log1p(rest)
}

func doubles(z []float32) []float64 {
	out := make([]float64, len(z))
	for i, v := range z {
		out[i] = float64(v)
	}
	return out
}

func mostLikely(z []float32) int {
	best := 0
	for k := range 4 {
		if logLikelihood(doubles(z), k) > logLikelihood(doubles(z), best) {
			best = k
		}
	}
	return best
}

// likelihoodSlope is the gradient of logLikelihood at z by central differences.
func likelihoodSlope(z []float32, y int) []float32 {
	at, out := doubles(z), make([]float32, len(z))
	for i := range at {
		const h = 1e-5
		old := at[i]
		at[i] = old + h
		up := logLikelihood(at, y)
		at[i] = old - h
		out[i] = float32((up - logLikelihood(at, y)) / (2 * h))
		at[i] = old
	}
	return out
}
