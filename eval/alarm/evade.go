package alarm

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/defense/detect"
	"github.com/plumbline-ml/plumbline/encoder"
)

// evade is the objective −max(0, (score − limit)/scale) of a detector that [detect.Expose] made a tap: nothing is gained
// by going further below the limit than needed.
type evade struct{ limit, scale float64 }

func (e evade) String() string { return fmt.Sprintf("evade(limit=%g,scale=%g)", e.limit, e.scale) }

// Bind implements [attack.Objective].
func (e evade) Bind(encoder.Spec, *attack.Task, int) (attack.Loss, error) { return e, nil }

// Taps implements [attack.Loss].
func (e evade) Taps() (adv, ref []encoder.Tap) { return []encoder.Tap{detect.Tap}, nil }

// Reference implements [attack.Loss]; there is none.
func (e evade) Reference([]*tensor.Dense) error { return nil }

// Eval implements [attack.Loss].
func (e evade) Eval(adv, cot []*tensor.Dense) (float64, error) {
	above := (float64(adv[0].Float32s()[0]) - e.limit) / e.scale
	slope := float32(0)
	if above > 0 {
		slope = float32(-1 / e.scale)
	}
	if cot != nil {
		cot[0].Float32s()[0] = slope
	}
	return -max(0, above), nil
}
