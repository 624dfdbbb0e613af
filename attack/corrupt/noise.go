package corrupt

import (
	"math"
	"math/rand/v2"
)

var (
	_ = register(ImageNetC, "gaussian_noise", "additive Gaussian noise", func(p *picture, s int, rng *rand.Rand) {
		sigma := [5]float64{.08, .12, .18, .26, .38}[s]
		p.each(func(v float64) float64 { return v + sigma*rng.NormFloat64() })
	})
	_ = register(ImageNetC, "shot_noise", "Poisson noise of few photons", func(p *picture, s int, rng *rand.Rand) {
		photons := [5]float64{60, 25, 12, 5, 3}[s]
		p.each(func(v float64) float64 { return poisson(rng, v*photons) / photons })
	})
	_ = register(ImageNetC, "impulse_noise", "salt and pepper", func(p *picture, s int, rng *rand.Rand) {
		share := [5]float64{.03, .06, .09, .17, .27}[s]
		p.each(func(v float64) float64 {
			if u := rng.Float64(); u < share/2 {
				return 0
			} else if u < share {
				return 1
			}
			return v
		})
	})
	_ = register(ImageNetC, "speckle_noise", "noise in proportion to brightness", func(p *picture, s int, rng *rand.Rand) {
		sigma := [5]float64{.15, .2, .35, .45, .6}[s]
		p.each(func(v float64) float64 { return v + v*sigma*rng.NormFloat64() })
	})
)

// poisson draws from the Poisson distribution by Knuth's product for small means and a rounded normal
// for means above 200, where the two do not differ visibly.
func poisson(rng *rand.Rand, mean float64) float64 {
	if mean > 200 {
		return max(math.Round(mean+math.Sqrt(mean)*rng.NormFloat64()), 0)
	}
	limit, n, product := math.Exp(-mean), 0.0, rng.Float64()
	for product > limit {
		n++
		product *= rng.Float64()
	}
	return n
}
