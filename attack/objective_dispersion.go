package attack

import (
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Dispersion is Dispersion Reduction (Lu et al., arXiv 1911.11616): minus the sum over layers of the
// standard deviation of all their activations, so that features lose contrast. PRM's released
// baseline minimises −std instead, which raises the dispersion; Released asks for that sign.
type Dispersion struct {
	Layers   string // default "all"
	Released bool
}

var _ = objectives.add("dr", "dispersion reduction: lower the standard deviation of activations (arXiv 1911.11616)", func(a *Args) Objective {
	return Dispersion{a.Text("layers", "all"), a.Choice("sign", "reduce", "released") == "released"}
})

func (o Dispersion) String() string {
	sign := "reduce"
	if o.Released {
		sign = "released"
	}
	return expr("dr", "layers", or(o.Layers, "all"), "sign", sign)
}

// Bind implements Objective.
func (o Dispersion) Bind(spec encoder.Spec, _ *Task, _ int) (Loss, error) {
	taps, err := layers(or(o.Layers, "all"), spec)
	l := &dispersionLoss{taps: taps, sign: -1}
	if o.Released {
		l.sign = 1
	}
	return l, err
}

type dispersionLoss struct {
	taps []encoder.Tap
	sign float64
}

func (l *dispersionLoss) Taps() (adv, ref []encoder.Tap)  { return l.taps, nil }
func (l *dispersionLoss) Reference([]*tensor.Dense) error { return nil }

func (l *dispersionLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	total := 0.0
	for i, t := range adv {
		x := floats(t)
		mean, variance := 0.0, 0.0
		for _, v := range x {
			mean += float64(v)
		}
		mean /= float64(len(x))
		for _, v := range x {
			variance += (float64(v) - mean) * (float64(v) - mean)
		}
		std := math.Sqrt(variance / float64(max(len(x)-1, 1)))
		total += l.sign * std
		if cot == nil {
			continue
		}
		scale := 0.0
		if std > tiny {
			scale = l.sign / (std * float64(max(len(x)-1, 1)))
		}
		g := floats(cot[i])
		for k, v := range x {
			g[k] = float32(scale * (float64(v) - mean))
		}
	}
	return total, nil
}
