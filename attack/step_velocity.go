package attack

var _ = stepRules.add("velocity", "momentum over steepest directions, normalised again after every step, as VEAttack's and FARE's released code has it (arXiv 2505.17440)", func(a *Args) StepRule {
	return Velocity{a.Float("mu", 0.9, 0, 10)}
})

// Velocity is the momentum of RobustVLM's projected gradient descent, which FARE, VEAttack and PA-Attack use:
//
//	v ← N(μ·v + N(g)),  x ← x + α·v,
//
// with N the sign under L∞ and division by the length under L2. Under L∞ and μ < 1 a step is the sign of the gradient
// itself, whatever came before, save where the gradient is exactly zero and the last sign is kept. Norms that the
// released code does not know take the sign as L∞ does, and then their own steepest direction.
type Velocity struct{ Mu float64 }

func (s Velocity) String() string { return expr("velocity", "mu", s.Mu) }

// New implements StepRule.
func (s Velocity) New(start StepStart) Stepper {
	n := len(start.Clean)
	return &velocity{Velocity: s, euclid: start.Threat.Norm == NormL2, dir: newSteepest(start.Threat, n), v: make([]float32, n)}
}

type velocity struct {
	Velocity
	euclid bool
	dir    steepest
	v      []float32
}

func (s *velocity) Point(x []float32, _ float64) []float32 { return x }

func (s *velocity) Step(x, g []float32, alpha float64, _ func(x, g []float32) error) error {
	s.normalise(g)
	for i, d := range g {
		s.v[i] = float32(float64(s.Mu*float64(s.v[i])) + float64(d))
	}
	s.normalise(s.v)
	s.dir.move(x, s.v, alpha)
	return nil
}

// normalise replaces v by N(v); zero stays zero.
func (s *velocity) normalise(v []float32) {
	if !s.euclid {
		for i, d := range v {
			v[i] = signed(1, d)
		}
		return
	}
	n := norm2(v)
	if n == 0 {
		return
	}
	for i, d := range v {
		v[i] = float32(float64(d) / n)
	}
}
