package attack

import "math/rand/v2"

// StepRule turns gradients into moves. It is an immutable value; the state for one image is a Stepper.
type StepRule interface {
	// New returns the rule's state for one run on one image.
	New(s StepStart) Stepper
	// String prints the expression that rebuilds it.
	String() string
}

// StepStart is what a step rule knows when a run begins.
type StepStart struct {
	Threat ThreatModel
	Clean  []float32 // the clean image, 3×H×W; not to be written
	Rng    *rand.Rand
}

// Stepper moves one image. The loop projects after every step.
type Stepper interface {
	// Point returns where the next gradient is to be taken: x itself, or a look-ahead point in the
	// stepper's own memory.
	Point(x []float32, alpha float64) []float32
	// Step moves x by a step of size alpha given the gradient g of the objective (to be increased) at
	// Point. It may overwrite g and may ask for more gradients.
	Step(x, g []float32, alpha float64, more func(x, g []float32) error) error
}
