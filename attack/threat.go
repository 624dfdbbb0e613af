package attack

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

// Norm names how a perturbation is measured.
type Norm string

// The norms a threat model can bound. ε is in [0,1] pixel units for L∞, L2 and L1.
const (
	NormLinf  Norm = "linf"  // largest change of any pixel value
	NormL2    Norm = "l2"    // Euclidean length over all 3·H·W values
	NormL1    Norm = "l1"    // sum of absolute changes over all 3·H·W values
	NormL0    Norm = "l0"    // pixels (all three channels together) changed: a count, or below 1 a share
	NormPatch Norm = "patch" // one square of at most this share of the image's area, free inside
)

// ThreatModel says which images an attacker may hand in for a given clean one: those within ε of it by
// Norm, with pixels in [0,1] at source resolution, that differ only where the mask allows.
type ThreatModel struct {
	Norm  Norm    `json:"norm"`
	Eps   Ratio   `json:"eps"` // no default
	Masks []*Mask `json:"-"`   // none: the whole image; one: for all images; otherwise one per image
	At    *Corner `json:"at,omitempty"`
}

// Corner is the top-left pixel of a patch whose position is given rather than searched.
type Corner struct{ Y, X int }

// Linf, L2, L1, L0 and Patch are the threat models without a mask.
func Linf(eps Ratio) ThreatModel    { return ThreatModel{Norm: NormLinf, Eps: eps} }
func L2(eps Ratio) ThreatModel      { return ThreatModel{Norm: NormL2, Eps: eps} }
func L1(eps Ratio) ThreatModel      { return ThreatModel{Norm: NormL1, Eps: eps} }
func L0(pixels Ratio) ThreatModel   { return ThreatModel{Norm: NormL0, Eps: pixels} }
func Patch(share Ratio) ThreatModel { return ThreatModel{Norm: NormPatch, Eps: share} }

// ErrThreat is wrapped by every error about an unusable threat model.
var ErrThreat = errors.New("unusable threat model")

// Validate reports whether tm can be used for n images.
func (tm ThreatModel) Validate(n int) error {
	if err := tm.validateEps(); err != nil {
		return fmt.Errorf("%w: %w", ErrThreat, err)
	}
	if tm.At != nil && tm.Norm != NormPatch {
		return fmt.Errorf("attack: %w: a position is only for norm %q, not %q", ErrThreat, NormPatch, tm.Norm)
	}
	if k := len(tm.Masks); k > 1 && k != n {
		return fmt.Errorf("attack: %w: %d masks for %d images; give one, or one per image", ErrThreat, k, n)
	}
	for i, m := range tm.Masks {
		if m == nil {
			continue
		}
		if len(m.Allow) != m.H*m.W {
			return fmt.Errorf("attack: %w: mask %d has %d entries for %d×%d pixels", ErrThreat, i, len(m.Allow), m.H, m.W)
		}
	}
	return nil
}

func (tm ThreatModel) validateEps() error {
	switch tm.Norm {
	case NormLinf, NormPatch:
		if reason := tm.Eps.outOfUnit(); reason != "" {
			return &EpsError{tm.Eps.String(), reason}
		}
	case NormL2, NormL1, NormL0:
		if tm.Eps.IsZero() {
			return &EpsError{tm.Eps.String(), "is missing or zero"}
		}
	default:
		return fmt.Errorf("attack: unknown norm %q; known: linf, l2, l1, l0, patch", tm.Norm)
	}
	return nil
}

// String prints norm and ε, for example "linf:8/255", with "+mask" where regions are excluded.
func (tm ThreatModel) String() string {
	s := string(tm.Norm) + ":" + tm.Eps.String()
	if tm.At != nil {
		s += fmt.Sprintf("@%d,%d", tm.At.Y, tm.At.X)
	}
	if len(tm.Masks) > 0 {
		s += "+mask"
	}
	return s
}

// scale is what step sizes given as multiples of ε refer to: ε itself; for patches the whole pixel
// range; for L0 a hundred times that, since only steps far beyond the range make the projection choose
// pixels by gradient times room rather than keep those it has.
func (tm ThreatModel) scale() Ratio {
	switch tm.Norm {
	case NormL0:
		return NewRatio(100, 1)
	case NormPatch:
		return NewRatio(1, 1)
	}
	return tm.Eps
}

// mask returns the mask of image i, nil for none.
func (tm ThreatModel) mask(i int) *Mask {
	switch len(tm.Masks) {
	case 0:
		return nil
	case 1:
		return tm.Masks[0]
	}
	return tm.Masks[i]
}

// Ball is a threat model at one clean image. Points are planar 3×H×W float32 slices. A Ball keeps
// scratch memory and is not safe for concurrent use.
type Ball interface {
	// Project moves x to the nearest allowed point in Euclidean distance (L∞, L2, L1, L0 and patch
	// alike), rounded inwards. It leaves allowed points as they are.
	Project(x []float32)
	// Contains reports whether x is allowed, in exact arithmetic.
	Contains(x []float32) bool
	// Restrict sets to zero the entries of a gradient at values that may not change.
	Restrict(g []float32)
	// Size returns the norm of x − clean in the units of ε.
	Size(x []float32) float64
	// Sample moves x, which holds the clean image, to a random allowed point.
	Sample(x []float32, rng *rand.Rand)
}

// Ball returns tm at the i-th image, clean.
func (tm ThreatModel) Ball(i int, clean *tensor.Dense) (Ball, error) {
	x, h, w, err := pixels(clean)
	if err != nil {
		return nil, err
	}
	m := tm.mask(i)
	if m != nil && (m.H != h || m.W != w) {
		return nil, fmt.Errorf("attack: %w: the mask is %d×%d pixels, the image %d×%d", ErrThreat, m.H, m.W, h, w)
	}
	switch tm.Norm {
	case NormLinf:
		return newLinfBall(x, tm.Eps, m), nil
	case NormL2:
		return newSumBall(x, tm.Eps, m, 2), nil
	case NormL1:
		return newSumBall(x, tm.Eps, m, 1), nil
	case NormL0:
		return newL0Ball(x, tm.Eps, m), nil
	case NormPatch:
		return newPatchBall(x, h, w, tm.Eps, m, tm.At)
	}
	return nil, tm.Validate(1)
}

// pixels checks that t is an image and returns its values and size.
func pixels(t *tensor.Dense) (x []float32, h, w int, err error) {
	if t == nil {
		return nil, 0, 0, errors.New("attack: the image is missing")
	}
	s := t.Shape()
	data, ok := t.Data().([]float32)
	if !ok || len(s) != 3 || s[0] != 3 || s[1] < 1 || s[2] < 1 || len(data) != 3*s[1]*s[2] {
		return nil, 0, 0, fmt.Errorf("attack: the image is %v %v; want 3×H×W float32", t.Dtype(), s)
	}
	for i, v := range data {
		if !(v >= 0 && v <= 1) {
			y, c := i%(s[1]*s[2])/s[2], i/(s[1]*s[2])
			return nil, 0, 0, fmt.Errorf("attack: channel %d at row %d, column %d is %v; pixels are in [0,1]", c, y, i%s[2], v)
		}
	}
	return data, s[1], s[2], nil
}

// newImage returns a 3×h×w image over data.
func newImage(data []float32, h, w int) *tensor.Dense {
	return tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(data))
}
