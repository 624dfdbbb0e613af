package head

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"gorgonia.org/tensor"
)

// The fixture stands in for an encoder: each 8×8 patch of a 64×64 image gives statistics of its colours and
// edges, and a random layer of them; the class token and the embedding summarise the patches. It is far weaker
// than an encoder, so the tests ask for clearly more than chance, not for good scores.
var fixtureSpec = encoder.Spec{
	Name: "fixture", ImageSize: [2]int{64, 64}, Patch: 8, Grid: [2]int{8, 8}, Width: 24, Depth: 2, CLS: true,
	Embedding: 48, Tokens: 65, Preproc: encoder.CLIPPreprocess(64),
}

const fixtureWidth = 24

func fixtureTokens(img *tensor.Dense) (first, last Activation) {
	data := img.Data().([]float32)
	first = Matrix(65, fixtureWidth, make([]float32, 65*fixtureWidth))
	last = first.Zeros()
	rng := rand.New(rand.NewPCG(11, 12))
	mix := make([]float32, fixtureWidth*fixtureWidth)
	for i := range mix {
		mix[i] = float32(rng.NormFloat64() / 3)
	}
	for p := range 64 {
		patchStatistics(data, p/8*8, p%8*8, first.Row(p+1))
		copy(last.Row(p+1), activate(dense{w: mix, b: make([]float32, fixtureWidth)}.apply(first.Row(p+1), fixtureWidth)))
	}
	for _, a := range []Activation{first, last} {
		for j := range fixtureWidth {
			var sum float64
			for p := range 64 {
				sum += float64(a.Row(p + 1)[j])
			}
			a.Row(0)[j] = float32(sum / 64)
		}
	}
	return first, last
}

// patchStatistics fills 24 numbers: per channel mean, spread, extremes, edges across and down, and lag-two
// differences; brightness gradients.
func patchStatistics(data []float32, y0, x0 int, out []float32) {
	at := func(c, y, x int) float64 { return float64(data[(c*64+y0+y)*64+x0+x]) }
	k := 0
	put := func(v float64) { out[k] = float32(v); k++ }
	for c := range 3 {
		var sum, square, gx, gy, g2 float64
		lo, hi := 1.0, 0.0
		for y := range 8 {
			for x := range 8 {
				v := at(c, y, x)
				sum, square, lo, hi = sum+v, square+v*v, min(lo, v), max(hi, v)
				if x < 7 {
					gx += math.Abs(v - at(c, y, x+1))
				}
				if y < 7 {
					gy += math.Abs(v - at(c, y+1, x))
				}
				if x < 6 {
					g2 += math.Abs(v - at(c, y, x+2))
				}
			}
		}
		mean := sum / 64
		put(mean)
		put(math.Sqrt(max(0, square/64-mean*mean)))
		put(lo)
		put(hi)
		put(gx / 56)
		put(gy / 56)
		put(g2 / 48)
	}
	var sx, sy, sq float64
	for y := range 8 {
		for x := range 8 {
			sx += at(1, y, x) * (float64(x) - 3.5) / 64
			sy += at(1, y, x) * (float64(y) - 3.5) / 64
			sq += at(1, y, x) * (float64((x-3)*(x-4)+(y-3)*(y-4)) - 10.5) / 640
		}
	}
	put(sx)
	put(sy)
	put(sq)
}

// fixtureEmbedding is the patches' mean and standard deviation.
func fixtureEmbedding(a Activation) Activation {
	out := make([]float32, 2*fixtureWidth)
	for j := range fixtureWidth {
		mean := float64(a.Row(0)[j])
		var v float64
		for p := range 64 {
			d := float64(a.Row(p + 1)[j]) - mean
			v += d * d
		}
		out[j], out[fixtureWidth+j] = float32(mean), float32(math.Sqrt(v/64)*4)
	}
	return Vector(out)
}

func fixture(t testing.TB, seed uint64, n int) []Features {
	t.Helper()
	d, err := surfaces.New(surfaces.Config{Seed: seed, N: n})
	if err != nil {
		t.Fatal(err)
	}
	samples, errs := d.LoadAll(t.Context())
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	out := make([]Features, n)
	for i, s := range samples {
		first, last := fixtureTokens(s.Image)
		out[i] = Features{Sample: s, Acts: map[encoder.Tap]Activation{
			encoder.Block(0): first, encoder.Tokens: last, encoder.Embedding: fixtureEmbedding(first),
			encoder.Values(0): last, encoder.AttentionOut(0): last}}
	}
	return out
}

var (
	fixtureOnce             sync.Once
	fixtureTrain, fixtureUp []Features
)

// data returns training and test features, made once.
func data(t testing.TB) (train, test []Features) {
	fixtureOnce.Do(func() { fixtureTrain, fixtureUp = fixture(t, 100, 420), fixture(t, 200, 140) })
	return fixtureTrain, fixtureUp
}

func predict(t testing.TB, h Head, f Features) Output {
	t.Helper()
	in, err := f.Input(h.Taps())
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Predict(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func accuracy(t testing.TB, h Head, test []Features) float64 {
	t.Helper()
	hits := 0
	for _, f := range test {
		if predict(t, h, f).Label == f.Sample.Label {
			hits++
		}
	}
	return float64(hits) / float64(len(test))
}

// bySurface relabels features with the kind of surface, an easier task than the defect.
func bySurface(feats []Features) []Features {
	out := make([]Features, len(feats))
	for i, f := range feats {
		s := *f.Sample
		for k, name := range surfaces.Surfaces {
			if s.QA[2].Answers[0] == name {
				s.Label = k
			}
		}
		out[i] = Features{Acts: f.Acts, Sample: &s}
	}
	return out
}

// clean keeps the images without defects.
func clean(feats []Features) []Features {
	var out []Features
	for _, f := range feats {
		if f.Sample.Label == dataset.Background {
			out = append(out, f)
		}
	}
	return out
}
