package attack

import (
	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// NRDM is the neural representation distortion of Naseer et al. (arXiv 1811.09020) as PRM's released
// baseline takes it: the sum over layers of the mean squared difference from the clean activations.
type NRDM struct {
	Layers string // default "all"
}

var _ = objectives.add("nrdm", "mean squared distance of activations from the clean ones (arXiv 1811.09020)", func(a *Args) Objective {
	return NRDM{a.Text("layers", "all")}
})

func (o NRDM) String() string { return expr("nrdm", "layers", or(o.Layers, "all")) }

// Bind implements Objective.
func (o NRDM) Bind(spec encoder.Spec, _ *Task, _ int) (Loss, error) {
	taps, err := layers(or(o.Layers, "all"), spec)
	return &nrdmLoss{taps: taps}, err
}

type nrdmLoss struct {
	taps []encoder.Tap
	ref  []*tensor.Dense
}

func (l *nrdmLoss) Taps() (adv, ref []encoder.Tap) { return l.taps, l.taps }

func (l *nrdmLoss) Reference(ref []*tensor.Dense) error {
	l.ref = ref
	return nil
}

func (l *nrdmLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	total := 0.0
	for i, t := range adv {
		var g *tensor.Dense
		if cot != nil {
			g = cot[i]
		}
		v, err := squaredDistance(floats(t), floats(l.ref[i]), g, 1/float64(t.DataSize()))
		if err != nil {
			return 0, err
		}
		total += v
	}
	return total, nil
}
