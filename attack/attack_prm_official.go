package attack

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
)

var _ = attacks.add("prm-official", "PRM's released procedure to the letter: AdamW, zero start, clamp in the forward pass, random rescale, last iterate (arXiv 2403.12693)",
	func(a *Args) Attack {
		o := prmOfficial{
			steps: a.Int("steps", 250, 1), lr: a.Float("lr", 0.5, 0, 255),
			rescale: Rescale{a.Float("lo", 0.5, 0.01, 4), a.Float("hi", 1, 0.01, 4)},
			native:  a.Choice("resolution", "native", "model") == "native",
			init:    a.Choice("init", "ulp", "zero", "random"),
		}
		seed := a.Seed()
		return &imagewise{text: a.String(), label: a.name, seed: seed, craft: o.craft, check: o.check}
	})

// prmOfficial follows attack_PRM.py of anjunhu/prm. On the 0–255 scale, with variable p and clean image x:
//
//	image = clamp(x + clamp(p, −ε, ε), 0, 255)
//	minimise Σ_l mean_i cos(f_l(R(image))_i, f_l(R(x))_i) over p
//
// by AdamW (learning rate 0.5, PyTorch's other defaults, weight decay 0.01 included) for 250 steps. R is
// one random bicubic rescale per step (ratio U(0.5,1), sizes truncated) of the image and of the clean
// reference; the encoder runs at that size with its position embedding interpolated, without resizing
// or cropping. p is never projected: beyond ±ε its gradient is zero and only AdamW's momentum and decay
// move it. The last iterate is handed out.
//
// p starts at zero, where the loss is at its maximum and its gradient exactly zero. The released code
// leaves that point by floating-point noise: PyTorch's two computations of one cosine differ in their
// last bits, and AdamW, which divides by the gradient's own size, turns any noise into a move. Our
// gradient there is zero or of the order of float64 rounding, below AdamW's eps, so that the letter
// (init=zero) need not move at all. The default init=ulp makes the smallest deviation that has the
// released effect: p starts at U(−1,1)·2⁻¹⁶, the spacing of float32 numbers at bright pixels on the
// 0–255 scale, which no 8-bit file and no ε can see. init=random starts at U(−ε, ε).
//
// Where the encoder cannot run at other sizes, the rescaled image goes through its own preprocessing,
// and the outcome carries a warning.
type prmOfficial struct {
	steps   int
	lr      float64
	rescale Rescale
	native  bool
	init    string
}

func (o prmOfficial) check(_ encoder.Encoder, tm ThreatModel, _ *settings) error {
	if tm.Norm != NormLinf {
		return fmt.Errorf("attack: prm-official is defined for L∞, not %s", tm)
	}
	return nil
}

func (o prmOfficial) craft(ctx context.Context, j *job) error {
	p, err := newProblem(ctx, j, PRM{}, lens{o.rescale, 1, refSame, o.native})
	if err != nil {
		return err
	}
	p.rng = j.rng(0)
	n := len(j.x0)
	v := o.start(n, j.tm.Eps.Float(), p.rng)
	x, g := make([]float32, n), make([]float32, n)
	adam := newAdamW(o.lr, n)
	for k := range o.steps {
		clampInto(x, j, v)
		value, err := p.grad(ctx, x, g)
		if err != nil {
			return o.keep(j, x, err)
		}
		if err := j.checkFinite(value, g, k); err != nil {
			return o.keep(j, x, err)
		}
		if err := j.emit(0, k, value, x); err != nil {
			return o.keep(j, x, err)
		}
		clampGradient(g, j, v)
		// The variable is 255 times larger than pixels in [0,1], so its gradient 255 times smaller;
		// g ascends the negative of the released loss.
		adam.step(v, g, -1.0/255)
	}
	clampInto(x, j, v)
	value, err := p.value(ctx, x)
	if err != nil {
		return o.keep(j, x, err)
	}
	if err := j.checkFinite(value, nil, o.steps); err != nil {
		return err
	}
	if value <= -float64(len(p.models[0].taps))+1e-6 {
		j.warn("the image never left the zero start, where the gradient is zero; see init")
	}
	return j.offer(x, value, p.fooled())
}

// keep hands out the iterate at which the run ended early.
func (o prmOfficial) keep(j *job, x []float32, err error) error {
	if j.ball.Contains(x) {
		j.best = append(j.best[:0], x...)
	}
	return err
}

// start returns the variable's first value, on the 0–255 scale.
func (o prmOfficial) start(n int, eps float64, rng *rand.Rand) []float32 {
	v := make([]float32, n)
	scale := map[string]float64{"ulp": 0x1p-16, "zero": 0, "random": 255 * eps}[o.init]
	for i := range v {
		v[i] = float32(scale * uniform(rng))
	}
	return v
}

// clampInto sets x to the image that the variable v (0–255 scale) stands for, rounded inwards.
func clampInto(x []float32, j *job, v []float32) {
	eps := 255 * j.tm.Eps.Float()
	for i, d := range v {
		x[i] = float32(float64(j.x0[i]) + min(max(float64(d), -eps), eps)/255)
	}
	j.ball.Project(x)
}

// clampGradient is the derivative of the two clamps: zero where a clamp is active, one at its bounds.
func clampGradient(g []float32, j *job, v []float32) {
	eps := 255 * j.tm.Eps.Float()
	for i, d := range v {
		y := float64(j.x0[i])*255 + float64(d)
		if float64(d) < -eps || float64(d) > eps || y < 0 || y > 255 {
			g[i] = 0
		}
	}
}
