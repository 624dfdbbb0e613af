package defense

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/resample"
)

// CropEnsemble averages the encoder's activations over N random crops of Ratio times the picture's sides (image
// cropping–rescaling, Guo et al., arXiv 1711.00117 §3; the encoder rescales the crops itself). The mean is meant for the
// embedding: tokens of different crops show different places. For a given draw it is linear.
type CropEnsemble struct {
	N     int     // crops, 1…256
	Ratio float64 // 0.1…1
}

var _ = purifier("crop-ensemble", "crop-ensemble(n=10,ratio=0.9): mean over random crops (arXiv 1711.00117)",
	func(a *expr.Args) Purifier { return CropEnsemble{a.Integer("n", 10), a.Number("ratio", 0.9)} })

// Traits says: random, gradient exact.
func (CropEnsemble) Traits() Traits {
	return Traits{Name: "crop-ensemble", Random: true, Resizes: true, Surrogate: Exact}
}

func (e CropEnsemble) String() string { return expr.Print("crop-ensemble", e.N, e.Ratio) }

// Validate reports a parameter out of range.
func (e CropEnsemble) Validate() error {
	return errors.Join(expr.Outside("crop-ensemble", "n", float64(e.N), 1, 256), expr.Outside("crop-ensemble", "ratio", e.Ratio, 0.1, 1))
}

// Purify implements [Purifier].
func (e CropEnsemble) Purify(src Picture, rng *rand.Rand) ([]View, error) {
	views := make([]View, e.N)
	for i := range views {
		y, err := cropped(src.H, e.Ratio, rng)
		if err != nil {
			return nil, err
		}
		x, err := cropped(src.W, e.Ratio, rng)
		if err != nil {
			return nil, err
		}
		views[i] = linearView(resample.NewSeparable(x, y), src)
	}
	return views, nil
}

// cropped returns the axis that cuts ratio·n samples from a random place.
func cropped(n int, ratio float64, rng *rand.Rand) (*resample.Axis, error) {
	keep := max(1, int(math.Round(float64(n)*ratio)))
	return resample.PIL(resample.Nearest, n, n, rng.IntN(n-keep+1), keep)
}
