package attack

import (
	"math/rand/v2"
)

// Init chooses where an attack starts.
type Init interface {
	// Start moves x, which holds the clean image, to the start. It need not stay in the ball.
	Start(x []float32, ball Ball, rng *rand.Rand)
	String() string
}

var (
	_ = inits.add("zero", "start at the clean image, where untargeted objectives have zero gradient", func(*Args) Init { return AtClean{} })
	_ = inits.add("random", "start at a random point of the threat model", func(*Args) Init { return AtRandom{} })
)

// AtClean starts at the clean image. Objectives that compare with the clean image have a zero gradient
// there.
type AtClean struct{}

func (AtClean) String() string { return "zero()" }

// Start implements Init.
func (AtClean) Start([]float32, Ball, *rand.Rand) {}

// AtRandom starts at a random point of the threat model: uniform in the box for L∞, otherwise as
// [Ball.Sample] says.
type AtRandom struct{}

func (AtRandom) String() string { return "random()" }

// Start implements Init.
func (AtRandom) Start(x []float32, ball Ball, rng *rand.Rand) { ball.Sample(x, rng) }

// from starts at a given point.
type from []float32

func (from) String() string { return "from()" }

// Start implements Init.
func (f from) Start(x []float32, _ Ball, _ *rand.Rand) { copy(x, f) }
