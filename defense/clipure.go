package defense

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/encoder"
)

// CLIPureCos purifies the embedding instead of the picture (Zhang et al., "CLIPure", ICLR 2025, CLIPure-Cos): Steps times
// it moves the unit embedding u by Step along the unit gradient of cos(u, t), t being the mean text embedding of prompts
// without a class name, and scales back to length one; the embedding's own length is kept.
//
// The released code divides the gradient by its norm over the whole batch, so that its effect depends on the other images;
// here every image has its own norm. Then one step turns u by atan(Step) in the plane of u and t, past t and back if
// the angle θ is smaller than that: for θ < atan(Step) two steps undo each other, and the released setting (10, 30) changes
// nothing. The whole defence is a rotation of each embedding towards one fixed direction: it weighs how close each class
// text lies to t against the image's evidence, and nothing else. The gradient is exact.
type CLIPureCos struct {
	Steps int     // 1…1000
	Step  float64 // length relative to the unit embedding, above 0 to 1000
	blank []float64
}

var _ = register("clipure-cos", "clipure-cos(steps=10,step=0.1): embedding turned towards the blank prompt (ICLR 2025), norm per image; needs the blank text",
	func(a *expr.Args, r Resources) (Defense, error) {
		return NewCLIPureCos(r.Blank, a.Integer("steps", 10), a.Number("step", 0.1))
	})

// NewCLIPureCos takes the mean text embedding of prompts without a class name.
func NewCLIPureCos(blank []float32, steps int, step float64) (*CLIPureCos, error) {
	c := &CLIPureCos{Steps: steps, Step: step}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	u, ok := unit(blank)
	if !ok {
		return nil, fmt.Errorf("defense: clipure-cos: the blank text embedding has %d values, want finite ones, not all zero (Resources.Blank)", len(blank))
	}
	c.blank = u
	return c, nil
}

// Name and the rest implement [Defense].
func (*CLIPureCos) Name() string         { return "clipure-cos" }
func (c *CLIPureCos) String() string     { return expr.Print("clipure-cos", c.Steps, c.Step) }
func (*CLIPureCos) Random() bool         { return false }
func (*CLIPureCos) Differentiable() bool { return true }
func (*CLIPureCos) Surrogate() Surrogate { return Exact }

// Validate reports a parameter out of range.
func (c *CLIPureCos) Validate() error {
	return errors.Join(expr.Outside("clipure-cos", "steps", float64(c.Steps), 1, 1000), expr.Outside("clipure-cos", "step", c.Step, 1e-6, 1000))
}

// Wrap needs an encoder whose embedding is as wide as the text's. Other taps pass unchanged.
func (c *CLIPureCos) Wrap(e encoder.Encoder, _ Stream) (encoder.Encoder, error) {
	if len(c.blank) == 0 {
		return nil, errors.New("defense: clipure-cos: no blank text: make it with NewCLIPureCos")
	}
	if err := errors.Join(c.Validate(), needsEmbedding("clipure-cos", e, len(c.blank))); err != nil {
		return nil, err
	}
	return &latent{inner: e, name: c.String(), turn: c.turn}, nil
}

// rotation is the map of one embedding: within the plane of u and t from angle θ to φ.
type rotation struct {
	r           float64 // length of the embedding
	u, e        []float64
	toU, toE    []float64 // images of u and of e, the direction of growing θ
	t, n        []float64
	shrink      float64 // sin φ / sin θ: what happens off the plane
	degenerated bool    // u ∥ t or no direction at all: the map is the identity
}

func (c *CLIPureCos) turn(z []float32) rotation {
	u, ok := unit(z)
	if !ok {
		return rotation{degenerated: true}
	}
	m := rotation{r: math.Sqrt(sumSquares(z)), u: u, t: c.blank}
	cos := 0.0
	for i, v := range c.blank {
		cos += v * u[i]
	}
	n := make([]float64, len(u))
	sin2 := 0.0
	for i, v := range c.blank {
		n[i] = u[i] - cos*v
		sin2 += n[i] * n[i]
	}
	sin := math.Sqrt(sin2)
	if sin < 1e-9 {
		return rotation{degenerated: true}
	}
	for i := range n {
		n[i] /= sin
	}
	m.n = n
	theta := math.Atan2(sin, cos)
	phi := theta
	for range c.Steps {
		phi -= math.Copysign(math.Atan(c.Step), phi)
	}
	m.e, m.toU, m.toE = m.inPlane(-sin, cos), m.inPlane(math.Cos(phi), math.Sin(phi)), m.inPlane(-math.Sin(phi), math.Cos(phi))
	m.shrink = math.Sin(phi) / sin
	return m
}

// inPlane returns a·t + b·n.
func (m *rotation) inPlane(a, b float64) []float64 {
	v := make([]float64, len(m.t))
	for i := range v {
		v[i] = a*m.t[i] + b*m.n[i]
	}
	return v
}

// apply returns the rotated embedding.
func (m *rotation) apply(z []float32) []float32 {
	if m.degenerated {
		return z
	}
	out := make([]float32, len(z))
	for i, v := range m.toU {
		out[i] = float32(m.r * v)
	}
	return out
}

// adjoint returns the gradient at z: u⟨u',g⟩ + e⟨e',g⟩ + (sin φ/sin θ)·(g off the plane).
func (m *rotation) adjoint(g []float32) []float32 {
	if m.degenerated {
		return g
	}
	var alongU, alongE, alongT, alongN float64
	for i, v := range g {
		f := float64(v)
		alongU += f * m.toU[i]
		alongE += f * m.toE[i]
		alongT += f * m.t[i]
		alongN += f * m.n[i]
	}
	out := make([]float32, len(g))
	for i, v := range g {
		off := float64(v) - alongT*m.t[i] - alongN*m.n[i]
		out[i] = float32(alongU*m.u[i] + alongE*m.e[i] + m.shrink*off)
	}
	return out
}
