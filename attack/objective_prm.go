package attack

import (
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// PRM is Patch Representation Misalignment (Hu et al., arXiv 2403.12693, as released): the negative sum
// over layers of the mean over tokens of the cosine between adversarial and clean tokens,
//
//	−Σ_l w_l · mean_i cos(f_l(x+δ)_i, f_l(x)_i).
//
// The zero value is the released loss: stem and every block, all tokens, weight 1. In convolutional
// stages every location is a token. VEAttack's loss (arXiv 2505.17440) is PRM of the last block's patch
// tokens, up to a constant.
type PRM struct {
	Layers  string    // "all" (default), "blocks", "last", or taps joined by +
	Tokens  string    // "all" (default), "patch", "cls", or "mean": the mean of the patch tokens as one token
	Weights []float64 // one per layer; none for 1
}

var _ = objectives.add("prm", "patch representation misalignment: cosine of tokens with the clean ones over layers (arXiv 2403.12693)",
	func(a *Args) Objective {
		return PRM{a.Text("layers", "all"), a.Choice("tokens", "all", "patch", "cls", "mean"), a.Floats("weights", "1")}
	})

func (o PRM) String() string {
	return expr("prm", "layers", or(o.Layers, "all"), "tokens", or(o.Tokens, "all"), "weights", joinFloats(o.Weights, "1"))
}

// Bind implements Objective.
func (o PRM) Bind(spec encoder.Spec, _ *Task, _ int) (Loss, error) {
	taps, err := layers(or(o.Layers, "all"), spec)
	if err != nil {
		return nil, err
	}
	w := o.Weights
	if len(w) > 1 && len(w) != len(taps) {
		return nil, fmt.Errorf("attack: prm has %d weights for %d layers", len(w), len(taps))
	}
	return &prmLoss{taps: taps, tokens: or(o.Tokens, "all"), prefix: spec.Prefix(), weights: w}, nil
}

type prmLoss struct {
	taps    []encoder.Tap
	tokens  string
	prefix  int
	weights []float64
	ref     []*tensor.Dense
}

func (l *prmLoss) Taps() (adv, ref []encoder.Tap) { return l.taps, l.taps }

func (l *prmLoss) Reference(ref []*tensor.Dense) error {
	l.ref = ref
	return nil
}

func (l *prmLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	total := 0.0
	for i, t := range adv {
		var g *tensor.Dense
		if cot != nil {
			g = cot[i]
		}
		w, ok := perImage(l.weights, i)
		if !ok {
			w = 1
		}
		v, err := meanCosine(t, l.ref[i], g, l.tokens, l.prefix, -w)
		if err != nil {
			return 0, fmt.Errorf("%w (tap %s)", err, l.taps[i])
		}
		total -= w * v
	}
	return total, nil
}

// meanCosine returns the mean over tokens of the cosine of two activations, and writes scale times its
// gradient at a to g.
func meanCosine(a, b, g *tensor.Dense, tokens string, prefix int, scale float64) (float64, error) {
	v, err := view(a, tokens, prefix)
	if err != nil {
		return 0, err
	}
	if !a.Shape().Eq(b.Shape()) {
		return 0, fmt.Errorf("attack: the activation is %v, the reference's %v", a.Shape(), b.Shape())
	}
	x, y := floats(a), floats(b)
	var d []float32
	if g != nil {
		d = floats(g)
		zero(d)
	}
	if tokens == "mean" {
		return cosineOfMeans(x, y, d, v, scale), nil
	}
	sum := 0.0
	for t := v.lo; t < v.hi; t++ {
		k := t * v.row
		if d == nil {
			sum += cosine(x[k:], y[k:], nil, v.d, v.channel, 0)
		} else {
			sum += cosine(x[k:], y[k:], d[k:], v.d, v.channel, scale/float64(v.n()))
		}
	}
	return sum / float64(v.n()), nil
}

// cosineOfMeans returns the cosine of the mean tokens, and adds scale times its gradient to g.
func cosineOfMeans(x, y, g []float32, v tokenView, scale float64) float64 {
	a, b := make([]float32, v.d), make([]float32, v.d)
	for c := range v.d {
		var p, q float64
		for t := v.lo; t < v.hi; t++ {
			p += float64(x[t*v.row+c*v.channel])
			q += float64(y[t*v.row+c*v.channel])
		}
		a[c], b[c] = float32(p/float64(v.n())), float32(q/float64(v.n()))
	}
	if g == nil {
		return cosine(a, b, nil, v.d, 1, 0)
	}
	d := make([]float32, v.d)
	cos := cosine(a, b, d, v.d, 1, scale/float64(v.n()))
	for t := v.lo; t < v.hi; t++ {
		for c, u := range d {
			g[t*v.row+c*v.channel] = u
		}
	}
	return cos
}

// or returns s, or def if s is empty.
func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '+' })
}
