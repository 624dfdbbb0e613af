package defense_test

import (
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
)

// What each purifier costs on one 224×224 picture, forward and for its gradient.
func BenchmarkPurifiers(b *testing.B) {
	pca, err := defense.NewPCAPatch(resources().Clean, 32, 8)
	if err != nil {
		b.Fatal(err)
	}
	src, err := defense.PictureOf(defensetest.Picture(224, 224, 1))
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range []defense.Purifier{
		defense.JPEG{Quality: 75}, defense.BitDepth{Bits: 4}, defense.Median{K: 3}, defense.Median{K: 5}, defense.Gaussian{Sigma: 1},
		defense.Bilateral{K: 5, Space: 1.5, Range: 0.1}, defense.TV{Lambda: 0.1, Steps: 50}, defense.NLM{Search: 11, Patch: 3, H: 4.0 / 255},
		defense.Wavelet{Levels: 3}, defense.ResizePad{Ratio: 1.107}, defense.CropEnsemble{N: 10, Ratio: 0.9}, pca, defense.Noise{Eps: 4.0 / 255},
	} {
		rng := rand.New(rand.NewPCG(1, 1))
		b.Run("purify/"+p.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Purify(src, rng); err != nil {
					b.Fatal(err)
				}
			}
		})
		views, err := p.Purify(src, rng)
		if err != nil {
			b.Fatal(err)
		}
		if views[0].Pull == nil {
			continue
		}
		b.Run("gradient/"+p.String(), func(b *testing.B) {
			g, out := make([]float32, len(src.Pix)), make([]float32, len(views[0].Pix))
			for b.Loop() {
				for _, v := range views {
					v.Pull(g, out)
				}
			}
		})
	}
}
