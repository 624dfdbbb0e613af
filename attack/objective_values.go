package attack

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Values drives the value features of attention away from the clean ones, the idea of V-Attack (arXiv
// 2511.20223): values carry more local content than the mixed tokens. With Enhance every head's values
// V go through self-attention with themselves first, softmax(V·Vᵀ/√d)·V, which smooths over alike
// tokens. The value is −Σ_blocks mean_i cos over the patch tokens.
type Values struct {
	Blocks  string // "last" (default), "all", or block numbers joined by +; negative from the end
	Enhance bool
}

var _ = objectives.add("values", "cosine of attention's value features with the clean ones (after V-Attack, arXiv 2511.20223)",
	func(a *Args) Objective {
		return Values{a.Text("blocks", "last"), a.Choice("enhance", "true", "false") == "true"}
	})

func (o Values) String() string {
	return expr("values", "blocks", or(o.Blocks, "last"), "enhance", o.Enhance)
}

// Bind implements Objective.
func (o Values) Bind(spec encoder.Spec, _ *Task, _ int) (Loss, error) {
	if spec.Heads < 1 || spec.Depth < 1 {
		return nil, fmt.Errorf("attack: %s: %s has no attention", o, spec.Name)
	}
	l := &valuesLoss{spec: spec, enhance: o.Enhance}
	blocks, err := blockList(or(o.Blocks, "last"), spec)
	for _, b := range blocks {
		l.taps = append(l.taps, encoder.Values(b))
	}
	return l, err
}

// blockList reads "last", "all" or numbers joined by +.
func blockList(list string, spec encoder.Spec) ([]int, error) {
	switch list {
	case "last":
		return []int{spec.Depth - 1}, nil
	case "all":
		all := make([]int, spec.Depth)
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var blocks []int
	for _, w := range splitList(list) {
		var b int
		if n, err := fmt.Sscanf(w, "%d", &b); n != 1 || err != nil || fmt.Sprint(b) != w {
			return nil, fmt.Errorf("attack: %q is no block number", w)
		}
		if b < 0 {
			b += spec.Depth
		}
		if b < 0 || b >= spec.Depth {
			return nil, fmt.Errorf("attack: %s has %d blocks; there is no block %s", spec.Name, spec.Depth, w)
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

type valuesLoss struct {
	spec    encoder.Spec
	enhance bool
	taps    []encoder.Tap
	ref     []*tensor.Dense // the clean values, enhanced if asked
	e, ge   *tensor.Dense   // scratch
	mix     selfAttention
}

func (l *valuesLoss) Taps() (adv, ref []encoder.Tap) { return l.taps, l.taps }

func (l *valuesLoss) Reference(ref []*tensor.Dense) error {
	if !l.enhance {
		l.ref = ref
		return nil
	}
	l.ref = l.ref[:0]
	for _, t := range ref {
		c := like(nil, t)
		if err := l.mix.forward(floats(c), floats(t), t.Shape(), l.spec.Heads); err != nil {
			return err
		}
		l.ref = append(l.ref, c)
	}
	return nil
}

func (l *valuesLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	total := 0.0
	for i, t := range adv {
		e, g := t, (*tensor.Dense)(nil)
		if cot != nil {
			g = cot[i]
		}
		ge := g
		if l.enhance {
			l.e, l.ge = like(l.e, t), like(l.ge, t)
			if err := l.mix.forward(floats(l.e), floats(t), t.Shape(), l.spec.Heads); err != nil {
				return 0, err
			}
			if e = l.e; g != nil {
				ge = l.ge
			}
		}
		v, err := meanCosine(e, l.ref[i], ge, "patch", l.spec.Prefix(), -1)
		if err != nil {
			return 0, err
		}
		if total -= v; l.enhance && g != nil {
			l.mix.backward(floats(g), floats(ge))
		}
	}
	return total, nil
}

// selfAttention is softmax(V·Vᵀ/√d)·V per head, with what its gradient needs.
type selfAttention struct {
	v           []float32
	t, d, heads int
	p           []float64 // heads×T×T
	row         []float64
}

func (s *selfAttention) forward(out, v []float32, shape tensor.Shape, heads int) error {
	if len(shape) != 3 || shape[0] != 1 || shape[2]%heads != 0 {
		return fmt.Errorf("attack: values have shape %v; want 1×T×D with %d heads", shape, heads)
	}
	s.v, s.t, s.d, s.heads = v, shape[1], shape[2], heads
	if n := heads * s.t * s.t; len(s.p) != n {
		s.p, s.row = make([]float64, n), make([]float64, s.t)
	}
	dh := s.d / heads
	zero(out)
	for h := range heads {
		for i := range s.t {
			p := s.p[(h*s.t+i)*s.t:][:s.t]
			s.scores(p, h, i)
			o := out[i*s.d+h*dh:][:dh]
			for j, w := range p {
				for c, x := range v[j*s.d+h*dh:][:dh] {
					o[c] += float32(w * float64(x))
				}
			}
		}
	}
	return nil
}

// scores sets p to token i's attention in head h.
func (s *selfAttention) scores(p []float64, h, i int) {
	dh := s.d / s.heads
	scale, top, sum := 1/math.Sqrt(float64(dh)), math.Inf(-1), 0.0
	a := s.v[i*s.d+h*dh:][:dh]
	for j := range p {
		dot := 0.0
		for c, x := range s.v[j*s.d+h*dh:][:dh] {
			dot += float64(a[c]) * float64(x)
		}
		p[j] = dot * scale
		top = max(top, p[j])
	}
	for j := range p {
		p[j] = math.Exp(p[j] - top)
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
	}
}

// backward writes to g the gradient at the values of the last forward, given that at its result.
func (s *selfAttention) backward(g, out []float32) {
	dh := s.d / s.heads
	scale := 1 / math.Sqrt(float64(dh))
	zero(g)
	for h := range s.heads {
		for i := range s.t {
			p, o := s.p[(h*s.t+i)*s.t:][:s.t], out[i*s.d+h*dh:][:dh]
			mean := 0.0
			for j := range p {
				s.row[j] = 0
				for c, x := range s.v[j*s.d+h*dh:][:dh] {
					s.row[j] += float64(o[c]) * float64(x)
				}
				mean += p[j] * s.row[j]
			}
			gi, vi := g[i*s.d+h*dh:][:dh], s.v[i*s.d+h*dh:][:dh]
			for j := range p {
				ds := scale * p[j] * (s.row[j] - mean)
				gj, vj := g[j*s.d+h*dh:][:dh], s.v[j*s.d+h*dh:][:dh]
				for c := range dh {
					a, b := float64(vi[c]), float64(vj[c])
					gj[c] += float32(p[j]*float64(o[c]) + ds*a)
					gi[c] += float32(ds * b)
				}
			}
		}
	}
}
