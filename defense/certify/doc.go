// Package certify gives guarantees instead of measurements: a label that no perturbation of a stated size can change,
// whatever the attack. Randomised smoothing certifies an L2 radius with a stated probability; double masking certifies
// against one square patch of a stated side, with certainty.
package certify

import (
	"context"

	"gorgonia.org/tensor"
)

// Classifier labels pictures, each 3×H×W float32 in [0,1] (smoothing adds noise that may leave that range). Labels are not
// negative. Every label may depend on its own picture only.
type Classifier func(ctx context.Context, images []*tensor.Dense) ([]int, error)

// Abstain is the label of no decision.
const Abstain = -1
