package attack

import "fmt"

var _ = stepRules.add("adamw", "Adam with decoupled decay of the perturbation; the step size is the learning rate (arXiv 1711.05101)", func(a *Args) StepRule {
	return AdamW{a.Float("decay", 0.01, 0, 1)}
})

// AdamW moves by Adam with PyTorch's β and eps, and decays the perturbation by Decay times the learning
// rate per step (Loshchilov & Hutter, arXiv 1711.05101).
type AdamW struct{ Decay float64 }

func (s AdamW) String() string { return fmt.Sprintf("adamw(decay=%s)", num(s.Decay)) }

// New implements StepRule.
func (s AdamW) New(start StepStart) Stepper {
	a := newAdamW(0, len(start.Clean))
	a.decay = s.Decay
	return &adamStep{a, start.Clean, make([]float32, len(start.Clean))}
}

type adamStep struct {
	adam  *adamW
	clean []float32
	d     []float32 // the perturbation
}

func (s *adamStep) Point(x []float32, _ float64) []float32 { return x }

func (s *adamStep) Step(x, g []float32, alpha float64, _ func(x, g []float32) error) error {
	for i := range x {
		s.d[i] = x[i] - s.clean[i]
	}
	s.adam.lr = alpha
	s.adam.step(s.d, g, -1)
	for i := range x {
		x[i] = s.clean[i] + s.d[i]
	}
	return nil
}
