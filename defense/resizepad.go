package defense

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/resample"
)

// ResizePad enlarges the picture by a random factor from [1, Ratio) with nearest neighbours and places it at a random
// position on a black canvas of Ratio times its size (Xie et al., arXiv 1711.01991: 299 → U[299,331) → 331, a ratio of
// 1.107). For a given draw it is linear.
type ResizePad struct {
	Ratio float64 // 1.01…4
}

var _ = purifier("resize-pad", "resize-pad(ratio=1.107): random enlargement and padding (arXiv 1711.01991)",
	func(a *expr.Args) Purifier { return ResizePad{a.Number("ratio", 1.107)} })

// Traits says: random, gradient exact.
func (ResizePad) Traits() Traits {
	return Traits{Name: "resize-pad", Random: true, Resizes: true, Surrogate: Exact}
}

func (r ResizePad) String() string { return expr.Print("resize-pad", r.Ratio) }

// Validate reports a parameter out of range.
func (r ResizePad) Validate() error { return expr.Outside("resize-pad", "ratio", r.Ratio, 1.01, 4) }

// Purify implements [Purifier].
func (r ResizePad) Purify(src Picture, rng *rand.Rand) ([]View, error) {
	scale := 1 + rng.Float64()*(r.Ratio-1)
	y, err := padded(src.H, scale, r.Ratio, rng)
	if err != nil {
		return nil, err
	}
	x, err := padded(src.W, scale, r.Ratio, rng)
	if err != nil {
		return nil, err
	}
	return []View{linearView(resample.NewSeparable(x, y), src)}, nil
}

// padded returns one axis of the enlargement and padding of n samples.
func padded(n int, scale, ratio float64, rng *rand.Rand) (*resample.Axis, error) {
	canvas := int(math.Ceil(float64(n) * ratio))
	size := min(int(float64(n)*scale), canvas)
	return resample.PIL(resample.Nearest, n, size, -rng.IntN(canvas-size+1), canvas)
}
