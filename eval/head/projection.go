package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"gonum.org/v1/gonum/mat"
)

// Projection carries tokens into the space of the image embedding, where they can be compared with text. In
// CLIP the embedding is an affine map of the normalised class token (mean patch token where there is none), e =
// A·n(x) + c with n(x) = (x − mean)/deviation; A and c are recovered from the two activations of many images by
// ridge regression, and then applied to patch tokens as MaskCLIP does with its value features (Zhou et al.,
// arXiv 2112.01071, §3.2; here the tokens of the tap stand in for them).
type Projection struct {
	Tap    encoder.Tap `json:"tap"`
	Width  int         `json:"width"`
	Embed  int         `json:"embedding"`
	Linear bool        `json:"linear,omitempty"` // tokens are not normalised first
	Fit    float64     `json:"fit"`              // share of the embedding's variance explained on the images used, at most 1
	matrix dense
}

// ridge is the regression's penalty relative to the mean variance of the inputs.
const ridge = 1e-4

// FitProjection recovers the projection for a token tap. More images than the token width make it exact where
// the model is of this form; Fit tells how well it did.
func FitProjection(layout Layout, tap encoder.Tap, feats []Features) (*Projection, error) {
	pool := PoolMean
	if layout.Prefix > 0 {
		pool = PoolFirst
	}
	p := &Projection{Tap: tap}
	return p.fit(layout, tap, pool, feats)
}

// FitValueProjection finds a projection for the value vectors of block i, which MaskCLIP uses because the class
// token's attention output is a weighted mean of them: the affine map from the class token's attention output
// to the embedding, by ridge regression, applied to every patch's own value. It stands for the rest of the
// block, which is not affine, so Fit is below 1. It needs a class token.
func FitValueProjection(layout Layout, i int, feats []Features) (*Projection, error) {
	if layout.Prefix < 1 {
		return nil, fmt.Errorf("projection of the values of block %d: the encoder has no class token", i)
	}
	p := &Projection{Tap: encoder.Values(i), Linear: true}
	return p.fit(layout, encoder.AttentionOut(i), PoolFirst, feats)
}

// fit regresses the embedding on the pooled tokens at a tap.
func (p *Projection) fit(layout Layout, from encoder.Tap, pool Pool, feats []Features) (*Projection, error) {
	x, y, err := p.data(layout, from, pool, feats)
	if err != nil {
		return nil, err
	}
	n, d := x.Dims()
	_, e := y.Dims()
	mx, my := centre(x), centre(y)
	var gram, cross, a mat.Dense
	gram.Mul(x.T(), x)
	var trace float64
	for i := range d {
		trace += gram.At(i, i)
	}
	for i := range d {
		gram.Set(i, i, gram.At(i, i)+ridge*trace/float64(d)+1e-12)
	}
	cross.Mul(x.T(), y)
	if err := a.Solve(&gram, &cross); err != nil {
		return nil, fmt.Errorf("projection of %q from %d images: %w", from, n, err)
	}
	p.Width, p.Embed, p.Fit = d, e, explained(x, y, &a)
	p.matrix = dense{w: make([]float32, d*e), b: make([]float32, e)}
	for j := range e {
		b := my[j]
		for i := range d {
			p.matrix.w[i*e+j] = float32(a.At(i, j))
			b -= mx[i] * a.At(i, j)
		}
		p.matrix.b[j] = float32(b)
	}
	return p, nil
}

func (p *Projection) data(layout Layout, tap encoder.Tap, pool Pool, feats []Features) (x, y *mat.Dense, err error) {
	if len(feats) < 2 {
		return nil, nil, fmt.Errorf("projection of %q: %d images are too few", tap, len(feats))
	}
	token, ok := feats[0].Acts[tap]
	if !ok || len(token.Shape) != 2 {
		return nil, nil, fmt.Errorf("projection: image %s has no tokens at tap %q", feats[0].Sample.ID, tap)
	}
	src := Source{Tap: tap, Pool: pool, Prefix: layout.Prefix, Width: token.Shape[1]}
	tokens, err := src.rows("projection", feats)
	if err != nil {
		return nil, nil, err
	}
	out := Source{Tap: encoder.Embedding, Width: len(feats[0].Acts[encoder.Embedding].Data)}
	if out.Width == 0 {
		return nil, nil, fmt.Errorf("projection: image %s has no embedding", feats[0].Sample.ID)
	}
	embeds, err := out.rows("projection", feats)
	if err != nil {
		return nil, nil, err
	}
	x, y = mat.NewDense(len(feats), src.Width, nil), mat.NewDense(len(feats), out.Width, nil)
	for i := range feats {
		for j, v := range p.input(tokens[i]) {
			x.Set(i, j, float64(v))
		}
		for j, v := range embeds[i] {
			y.Set(i, j, float64(v))
		}
	}
	return x, y, nil
}

// centre takes the column means out of m and returns them.
func centre(m *mat.Dense) []float64 {
	n, d := m.Dims()
	mean := make([]float64, d)
	for i := range n {
		for j := range d {
			mean[j] += m.At(i, j) / float64(n)
		}
	}
	for i := range n {
		for j := range d {
			m.Set(i, j, m.At(i, j)-mean[j])
		}
	}
	return mean
}

// explained is 1 − residual/total variance.
func explained(x, y, a *mat.Dense) float64 {
	var r mat.Dense
	r.Mul(x, a)
	r.Sub(y, &r)
	total := mat.Norm(y, 2)
	if total == 0 {
		return math.NaN()
	}
	res := mat.Norm(&r, 2) / total
	return 1 - res*res
}

// normalised is (x − mean)/√(variance + 1e-5): a layer normalisation without its weights.
func normalised(x []float32) []float32 {
	mean, scale := moments(x)
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32((float64(v) - mean) * scale)
	}
	return out
}

func moments(x []float32) (mean, scale float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	var square float64
	for _, v := range x {
		square += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, 1 / math.Sqrt(square/float64(len(x))+1e-5)
}

// apply projects one token.
func (p *Projection) apply(x []float32) []float32 { return p.matrix.apply(p.input(x), p.Embed) }

func (p *Projection) input(x []float32) []float32 {
	if p.Linear {
		return x
	}
	return normalised(x)
}

// vjp pulls the projected token's cotangent back to the token x.
func (p *Projection) vjp(x []float32, d []float64) []float32 {
	n := p.input(x)
	g := make([]float64, p.Width)
	var sum, along float64
	for i := range g {
		for j, w := range p.matrix.w[i*p.Embed : (i+1)*p.Embed] {
			g[i] += float64(w) * d[j]
		}
		sum += g[i]
		along += g[i] * float64(n[i])
	}
	out := make([]float32, p.Width)
	if p.Linear {
		for i, v := range g {
			out[i] = float32(v)
		}
		return out
	}
	k := float64(p.Width)
	_, scale := moments(x)
	for i := range out {
		out[i] = float32(scale * (g[i] - sum/k - float64(n[i])*along/k))
	}
	return out
}

func (p *Projection) save(s *state) {
	s.add("projection", p.matrix.w, p.Width, p.Embed)
	s.add("offset", p.matrix.b, p.Embed)
}

func (p *Projection) load(s *state) error {
	w, err := s.array("projection", p.Width, p.Embed)
	if err != nil {
		return err
	}
	b, err := s.array("offset", p.Embed)
	if err != nil {
		return err
	}
	p.matrix = dense{w.data, b.data}
	return nil
}
