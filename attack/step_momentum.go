package attack

import "fmt"

var (
	_ = stepRules.add("steepest", "the steepest direction of the norm: the sign for L∞, g/|g| for L2, the largest entries for L1",
		func(*Args) StepRule { return Momentum{} })
	_ = stepRules.add("mi", "momentum over normalised gradients (MI-FGSM, arXiv 1710.06081)", func(a *Args) StepRule {
		return Momentum{Mu: a.Float("mu", 1, 0, 10)}
	})
	_ = stepRules.add("ni", "Nesterov's look-ahead with momentum (NI-FGSM, arXiv 1908.06281)", func(a *Args) StepRule {
		return Momentum{Mu: a.Float("mu", 1, 0, 10), Nesterov: true}
	})
)

// Momentum is the iterated steepest step with momentum: m ← μ·m + g/mean|g|, then a step along the
// norm's steepest direction for m. Mu = 0 is I-FGSM (the sign of the gradient, for L∞); Mu > 0 MI-FGSM
// (Dong et al., arXiv 1710.06081, eq. 6–7); Nesterov takes the gradient at x + α·μ·m, NI-FGSM (Lin et
// al., arXiv 1908.06281, eq. 6).
type Momentum struct {
	Mu       float64 // 0 for none
	Nesterov bool
}

func (s Momentum) String() string {
	switch {
	case s.Nesterov:
		return fmt.Sprintf("ni(mu=%s)", num(s.Mu))
	case s.Mu != 0:
		return fmt.Sprintf("mi(mu=%s)", num(s.Mu))
	}
	return "steepest()"
}

// New implements StepRule.
func (s Momentum) New(start StepStart) Stepper {
	n := len(start.Clean)
	st := &momentum{Momentum: s, dir: newSteepest(start.Threat, n)}
	if s.Mu != 0 {
		st.m = make([]float32, n)
	}
	if s.Nesterov {
		st.ahead = make([]float32, n)
	}
	return st
}

type momentum struct {
	Momentum
	dir   steepest
	m     []float32
	ahead []float32
}

func (s *momentum) Point(x []float32, alpha float64) []float32 {
	if s.ahead == nil {
		return x
	}
	a := float32(alpha * s.Mu)
	for i, v := range x {
		s.ahead[i] = min(max(v+float32(a*s.m[i]), 0), 1)
	}
	return s.ahead
}

func (s *momentum) Step(x, g []float32, alpha float64, _ func(x, g []float32) error) error {
	if s.m != nil {
		accumulate(s.m, g, s.Mu)
		g = s.m
	}
	s.dir.move(x, g, alpha)
	return nil
}

// accumulate sets m ← μ·m + g/mean|g|; a zero gradient adds nothing.
func accumulate(m, g []float32, mu float64) {
	sum := 0.0
	for _, v := range g {
		sum += absf(v)
	}
	scale := 0.0
	if sum > 0 {
		scale = float64(len(g)) / sum
	}
	for i, v := range g {
		m[i] = float32(float64(mu*float64(m[i])) + float64(scale*float64(v)))
	}
}
