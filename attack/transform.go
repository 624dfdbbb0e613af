package attack

import "math/rand/v2"

// Transform is something the image is put through inside the gradient: the attack maximises the
// objective of transformed images. It is an immutable value.
type Transform interface {
	// New returns the transform's state for images of h×w pixels; task is nil or the run's.
	New(h, w int, task *Task) Warp
	// String prints the expression that rebuilds it.
	String() string
}

// Warp is a transform at one image size. Images are planar 3×H×W. It is not safe for concurrent use.
type Warp interface {
	// Draw sets the warp to its copy-th random version and returns the size of what it makes.
	Draw(rng *rand.Rand, copy int) (h, w int)
	// Forward puts src, h×w as given to New, through the version drawn.
	Forward(dst, src []float32)
	// Adjoint writes to dst the gradient at src of the last Forward, given the gradient g at its result.
	Adjoint(dst, g []float32)
}

// Identity is the transform that does nothing.
type Identity struct{}

var _ = transforms.add("none", "no transform", func(*Args) Transform { return Identity{} })

func (Identity) String() string { return "none()" }

// New implements Transform.
func (Identity) New(h, w int, _ *Task) Warp { return identity{h, w} }

type identity struct{ h, w int }

func (t identity) Draw(*rand.Rand, int) (h, w int) { return t.h, t.w }
func (identity) Forward(dst, src []float32)        { copy(dst, src) }
func (identity) Adjoint(dst, g []float32)          { copy(dst, g) }
