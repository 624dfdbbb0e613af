package attack

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// PAAttack is the loss of PA-Attack (arXiv 2602.19418) as released: over the last block's patch tokens z,
//
//	Σ_i w_i [ (1 − cos(z_i, clean_i)) − λ (1 − cos(z_i, proto_i)) ],  w = softmax(τ·a),
//
// where proto is the prototype (a token map, see [BuildPrototypes]) least similar to the clean tokens
// by mean cosine, and a the class token's attention to the patches in one block, averaged over heads.
type PAAttack struct {
	Lambda float64 // weight of the prototype; 0 needs no prototypes
	Tau    float64 // sharpness of the token weights
	Block  int     // block of the attention; −1 for the middle one (block 12 of 24, as released)
}

var _ = objectives.add("pa-attack", "away from the clean tokens, to the least similar prototype, weighted by class-token attention (arXiv 2602.19418)",
	func(a *Args) Objective {
		return PAAttack{a.Float("lambda", 1, 0, 100), a.Float("tau", 20, 0, 1e4), a.Int("block", -1, -1)}
	})

func (o PAAttack) String() string {
	return expr("pa-attack", "lambda", o.Lambda, "tau", o.Tau, "block", o.Block)
}

// Bind implements Objective.
func (o PAAttack) Bind(spec encoder.Spec, task *Task, _ int) (Loss, error) {
	b := o.Block
	if b < 0 {
		b = spec.Depth / 2
	}
	if b >= spec.Depth {
		return nil, fmt.Errorf("attack: %s: %s has %d blocks", o, spec.Name, spec.Depth)
	}
	if o.Lambda > 0 && len(task.Prototypes) == 0 {
		return nil, fmt.Errorf("attack: %s needs prototypes: build them from other images with BuildPrototypes and pass them in the task, or set lambda=0", o)
	}
	return &paLoss{PAAttack: o, spec: spec, protos: task.Prototypes,
		taps: []encoder.Tap{encoder.Tokens}, refs: []encoder.Tap{encoder.Tokens, encoder.Queries(b), encoder.Keys(b)}}, nil
}

type paLoss struct {
	PAAttack
	spec       encoder.Spec
	protos     [][]float32
	taps, refs []encoder.Tap
	clean      *tensor.Dense
	proto      []float32
	weights    []float64
}

func (l *paLoss) Taps() (adv, ref []encoder.Tap) { return l.taps, l.refs }

func (l *paLoss) Reference(ref []*tensor.Dense) error {
	l.clean = ref[0]
	if err := l.attend(ref[1], ref[2]); err != nil {
		return err
	}
	return l.choose()
}

// attend sets the token weights from queries and keys.
func (l *paLoss) attend(q, k *tensor.Dense) error {
	a, err := clsAttention(floats(q), floats(k), q.Shape()[1], l.spec)
	if err != nil {
		return err
	}
	top, sum := math.Inf(-1), 0.0
	for _, v := range a {
		top = max(top, v)
	}
	for i, v := range a {
		a[i] = math.Exp(l.Tau * (v - top))
		sum += a[i]
	}
	for i := range a {
		a[i] /= sum
	}
	l.weights = a
	return nil
}

// choose picks the prototype least similar to the clean tokens.
func (l *paLoss) choose() error {
	if l.Lambda == 0 {
		return nil
	}
	v, err := view(l.clean, "patch", l.spec.Prefix())
	if err != nil {
		return err
	}
	worst := math.Inf(1)
	z := floats(l.clean)[v.lo*v.row:]
	for i, p := range l.protos {
		if len(p) != v.n()*v.d {
			return fmt.Errorf("attack: prototype %d has %d values, the patch tokens %d×%d", i, len(p), v.n(), v.d)
		}
		sum := 0.0
		for t := range v.n() {
			sum += cosine(z[t*v.row:], p[t*v.d:], nil, v.d, 1, 0)
		}
		if sum < worst {
			worst, l.proto = sum, p
		}
	}
	return nil
}

func (l *paLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	v, err := view(adv[0], "patch", l.spec.Prefix())
	if err != nil {
		return 0, err
	}
	if v.n() != len(l.weights) {
		return 0, fmt.Errorf("attack: %d patch tokens, the reference has %d", v.n(), len(l.weights))
	}
	x, y := floats(adv[0]), floats(l.clean)
	var g []float32
	if cot != nil {
		g = floats(cot[0])
		zero(g)
	}
	total := 0.0
	for t := range v.n() {
		at := (v.lo + t) * v.row
		w := l.weights[t]
		total += w * (1 - cosine(x[at:], y[at:], tail(g, at), v.d, 1, -w))
		if l.Lambda > 0 {
			total -= w * l.Lambda * (1 - cosine(x[at:], l.proto[t*v.d:], tail(g, at), v.d, 1, w*l.Lambda))
		}
	}
	return total, nil
}

// tail is g[at:], or nil if there is no gradient to write.
func tail(g []float32, at int) []float32 {
	if g == nil {
		return nil
	}
	return g[at:]
}
