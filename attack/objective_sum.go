package attack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Sum is a weighted sum of objectives on one image.
type Sum struct {
	Parts   []Objective
	Weights []float64 // one per part; none for 1
}

var _ = objectives.add("sum", "a weighted sum of objectives: sum(prm,embedding,weights=1+0.5)", func(a *Args) Objective {
	w := a.Floats("weights", "1")
	s := Sum{rest(a, objectives), w}
	if len(s.Parts) == 0 {
		s.Parts = []Objective{PRM{}}
		a.out = append(a.out, arg{"", mustCall(PRM{}.String())})
	}
	return s
})

func (o Sum) String() string {
	parts := make([]string, len(o.Parts))
	for i, p := range o.Parts {
		parts[i] = p.String()
	}
	return "sum(weights=" + joinFloats(o.Weights, "1") + "," + strings.Join(parts, ",") + ")"
}

// Bind implements Objective.
func (o Sum) Bind(spec encoder.Spec, task *Task, i int) (Loss, error) {
	if n := len(o.Weights); n > 1 && n != len(o.Parts) {
		return nil, fmt.Errorf("attack: sum has %d weights for %d objectives", n, len(o.Parts))
	}
	l := &sumLoss{weights: o.Weights}
	for _, p := range o.Parts {
		part, err := p.Bind(spec, task, i)
		if err != nil {
			return nil, err
		}
		if t, ok := part.(Targeted); ok {
			if l.target != nil && l.target != t.Target() {
				return nil, fmt.Errorf("attack: sum: %s aims at another image than the objectives before it", p)
			}
			l.target = t.Target()
		}
		l.parts = append(l.parts, part)
		adv, ref := part.Taps()
		l.adv, l.advAt = merge(l.adv, l.advAt, adv)
		l.ref, l.refAt = merge(l.ref, l.refAt, ref)
	}
	for k, p := range l.parts {
		if _, ok := p.(Targeted); !ok && l.target != nil && len(l.refAt[k]) > 0 {
			return nil, fmt.Errorf("attack: sum: %s compares with the clean image, another part with a target", o.Parts[k])
		}
	}
	if l.target != nil {
		return &targetedSum{l}, nil
	}
	return l, nil
}

// merge adds taps to a list without repeating any, and records where they are.
func merge(all []encoder.Tap, at [][]int, taps []encoder.Tap) ([]encoder.Tap, [][]int) {
	places := []int{}
	for _, t := range taps {
		k := slices.Index(all, t)
		if k < 0 {
			k = len(all)
			all = append(all, t)
		}
		places = append(places, k)
	}
	return all, append(at, places)
}

type sumLoss struct {
	parts        []Loss
	weights      []float64
	adv, ref     []encoder.Tap
	advAt, refAt [][]int
	target       *tensor.Dense
	scratch      map[encoder.Tap]*tensor.Dense
	fooled       bool
}

func (l *sumLoss) Taps() (adv, ref []encoder.Tap) { return l.adv, l.ref }

func (l *sumLoss) Reference(ref []*tensor.Dense) error {
	for k, p := range l.parts {
		if len(l.refAt[k]) == 0 {
			continue
		}
		if err := p.Reference(pick(ref, l.refAt[k])); err != nil {
			return err
		}
	}
	return nil
}

func (l *sumLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	if l.scratch == nil {
		l.scratch = map[encoder.Tap]*tensor.Dense{}
	}
	for _, c := range cot {
		zero(floats(c))
	}
	total := 0.0
	l.fooled = false
	for k, p := range l.parts {
		w, ok := perImage(l.weights, k)
		if !ok {
			w = 1
		}
		var part []*tensor.Dense
		if cot != nil {
			for _, at := range l.advAt[k] {
				s := like(l.scratch[l.adv[at]], adv[at])
				l.scratch[l.adv[at]] = s
				part = append(part, s)
			}
		}
		v, err := p.Eval(pick(adv, l.advAt[k]), part)
		if err != nil {
			return 0, err
		}
		total += w * v
		if j, ok := p.(Judged); ok {
			l.fooled = j.Fooled()
		}
		for n, at := range l.advAt[k] {
			if part == nil {
				break
			}
			g := floats(cot[at])
			for i, d := range floats(part[n]) {
				g[i] += float32(w * float64(d))
			}
		}
	}
	return total, nil
}

// Fooled is the verdict of the part that has a head.
func (l *sumLoss) Fooled() bool { return l.fooled }

type targetedSum struct{ *sumLoss }

func (l *targetedSum) Target() *tensor.Dense { return l.target }
