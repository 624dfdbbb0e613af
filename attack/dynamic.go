package attack

import "github.com/plumbline-ml/plumbline/encoder"

// Dynamic is implemented by encoders that may run an optimisation of their own on every image they look at, as
// test-time defences do. Gradients through such an encoder can mislead (Croce et al., "Evaluating the adversarial
// robustness of adaptive test-time defenses", arXiv 2202.13711); AutoAttack flags it.
type Dynamic interface {
	Dynamic() bool
}

// dynamic reports whether e, or a member of an ensemble, says that it optimises on its own.
func dynamic(e encoder.Encoder) bool {
	if all, ok := e.(*Ensemble); ok {
		for _, m := range all.members {
			if dynamic(m) {
				return true
			}
		}
	}
	d, ok := e.(Dynamic)
	return ok && d.Dynamic()
}
