package attack

import (
	"fmt"
	"math/rand/v2"
)

var _ = stepRules.add("vmi", "variance tuning over a neighbourhood, with momentum (VMI-FGSM, arXiv 2103.15571)", func(a *Args) StepRule {
	return VarianceTuned{a.Float("mu", 1, 0, 10), a.Int("n", 20, 1), a.Float("beta", 1.5, 0, 100)}
})

// VarianceTuned is VMI-FGSM (Wang & He, arXiv 2103.15571, alg. 1): the gradient g is corrected by v, the
// mean gradient at N points drawn from U(−βε, βε)ⁿ around the last iterate minus the gradient there:
// m ← μ·m + (g+v)/mean|g+v|. Every step takes N more gradients.
type VarianceTuned struct {
	Mu   float64
	N    int
	Beta float64
}

func (s VarianceTuned) String() string {
	return fmt.Sprintf("vmi(mu=%s,n=%d,beta=%s)", num(s.Mu), s.N, num(s.Beta))
}

// New implements StepRule.
func (s VarianceTuned) New(start StepStart) Stepper {
	n := len(start.Clean)
	return &variance{VarianceTuned: s, dir: newSteepest(start.Threat, n), radius: s.Beta * start.Threat.scale().Float(), rng: start.Rng,
		m: make([]float32, n), v: make([]float32, n), at: make([]float32, n), g: make([]float32, n), sum: make([]float64, n)}
}

type variance struct {
	VarianceTuned
	dir         steepest
	radius      float64
	rng         *rand.Rand
	m, v, at, g []float32
	sum         []float64
}

func (s *variance) Point(x []float32, _ float64) []float32 { return x }

func (s *variance) Step(x, g []float32, alpha float64, more func(x, g []float32) error) error {
	clear(s.sum)
	for range s.N {
		for i, v := range x {
			s.at[i] = min(max(float32(float64(v)+float64(s.radius*uniform(s.rng))), 0), 1)
		}
		if err := more(s.at, s.g); err != nil {
			return err
		}
		for i, v := range s.g {
			s.sum[i] += float64(v)
		}
	}
	for i, v := range g {
		s.g[i] = v + s.v[i]
		s.v[i] = float32(s.sum[i]/float64(s.N) - float64(v))
	}
	accumulate(s.m, s.g, s.Mu)
	copy(g, s.m)
	s.dir.move(x, g, alpha)
	return nil
}
