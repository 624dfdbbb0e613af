package certify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense"
)

// Smoothing is the classifier that answers with the label most likely under Gaussian noise on the pixels (Cohen,
// Rosenfeld, Kolter, "Certified adversarial robustness via randomized smoothing", arXiv 1902.02918).
type Smoothing struct {
	Sigma float64 // standard deviation of the noise, [0,1] units of the source pixels
	N0    int     // samples that choose the label; the paper uses 100
	N     int     // samples that bound its probability; the paper uses 100,000
	Alpha float64 // probability that a certificate is wrong; the paper uses 0.001
	Batch int     // pictures in a call of the classifier; it changes nothing but speed; 0 means 32
	Seed  uint64
}

// Certificate is what Smoothing.Certify can promise for one picture.
type Certificate struct {
	Label  int     `json:"label"`   // or Abstain
	Radius float64 `json:"radius"`  // no perturbation of smaller L2 norm (source pixels in [0,1]) changes the smoothed label
	Lower  float64 `json:"p_lower"` // lower bound of the label's probability under noise
	Count  int     `json:"count"`   // samples with the label
	N      int     `json:"n"`       // of so many
}

// maxSamples bounds N0 and N.
const maxSamples = 10_000_000

// Validate reports the first parameter out of range.
func (s Smoothing) Validate() error {
	switch {
	case !(s.Sigma > 0) || math.IsInf(s.Sigma, 0):
		return fmt.Errorf("certify: sigma is %g, want a positive number", s.Sigma)
	case s.N0 < 1 || s.N0 > maxSamples || s.N < 1 || s.N > maxSamples:
		return fmt.Errorf("certify: n0 = %d and n = %d, want 1…%d", s.N0, s.N, maxSamples)
	case !(s.Alpha > 0 && s.Alpha < 1):
		return fmt.Errorf("certify: alpha is %g, want a number between 0 and 1", s.Alpha)
	case s.Batch < 0:
		return fmt.Errorf("certify: batch is %d", s.Batch)
	}
	return nil
}

// Certify follows the paper's CERTIFY (§3.2): N0 samples choose a label, N fresh ones bound its probability p by
// Clopper–Pearson; if the bound exceeds ½ the label is certified within σΦ⁻¹(p), otherwise it abstains. The certificate is
// wrong with a probability of at most Alpha.
func (s Smoothing) Certify(ctx context.Context, f Classifier, image *tensor.Dense) (Certificate, error) {
	if err := s.Validate(); err != nil {
		return Certificate{}, err
	}
	first, err := s.sample(ctx, f, image, "certify: select", s.N0)
	if err != nil {
		return Certificate{}, err
	}
	label, _ := topTwo(first)
	counts, err := s.sample(ctx, f, image, "certify: estimate", s.N)
	if err != nil {
		return Certificate{}, err
	}
	c := Certificate{Label: Abstain, Count: counts[label], N: s.N}
	if c.Lower, err = LowerBound(c.Count, s.N, s.Alpha); err != nil {
		return Certificate{}, err
	}
	if c.Lower > 0.5 {
		c.Label, c.Radius = label, s.Sigma*distuv.UnitNormal.Quantile(c.Lower)
	}
	return c, nil
}

// Predict follows the paper's PREDICT: the label of N samples, or Abstain if the two most frequent labels cannot be told
// apart at level Alpha. It returns the smoothed classifier's own label but with a probability of at most Alpha.
func (s Smoothing) Predict(ctx context.Context, f Classifier, image *tensor.Dense) (int, error) {
	if err := s.Validate(); err != nil {
		return Abstain, err
	}
	counts, err := s.sample(ctx, f, image, "certify: predict", s.N)
	if err != nil {
		return Abstain, err
	}
	a, b := topTwo(counts)
	if signTest(counts[a], counts[a]+counts[b]) > s.Alpha {
		return Abstain, nil
	}
	return a, nil
}

// topTwo returns the two most frequent labels, ties by the smaller label; b is Abstain if there is only one.
func topTwo(counts map[int]int) (a, b int) {
	a, b = Abstain, Abstain
	better := func(x, y int) bool {
		return y == Abstain || counts[x] > counts[y] || (counts[x] == counts[y] && x < y)
	}
	for label := range counts {
		switch {
		case better(label, a):
			a, b = label, a
		case better(label, b):
			b = label
		}
	}
	return a, b
}

// sample counts the labels of n noisy copies. The noise depends on the seed, the purpose and the picture alone.
func (s Smoothing) sample(ctx context.Context, f Classifier, image *tensor.Dense, purpose string, n int) (map[int]int, error) {
	src, err := defense.PictureOf(image)
	if err != nil {
		return nil, err
	}
	rng := defense.Stream{Seed: s.Seed}.Rand(purpose, src)
	size := s.Batch
	if size == 0 {
		size = 32
	}
	batch := make([]*tensor.Dense, min(size, n))
	for i := range batch {
		batch[i] = defense.NewPicture(src.H, src.W).Tensor()
	}
	counts := map[int]int{}
	for done := 0; done < n; {
		part := batch[:min(len(batch), n-done)]
		for _, t := range part {
			addNoise(t.Data().([]float32), src.Pix, s.Sigma, rng)
		}
		labels, err := classify(ctx, f, part)
		if err != nil {
			return nil, err
		}
		for _, l := range labels {
			counts[l]++
		}
		done += len(part)
	}
	return counts, nil
}

func addNoise(dst, src []float32, sigma float64, rng *rand.Rand) {
	for i, v := range src {
		dst[i] = float32(float64(v) + sigma*rng.NormFloat64())
	}
}

// classify calls f and checks its answer.
func classify(ctx context.Context, f Classifier, images []*tensor.Dense) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	labels, err := f(ctx, images)
	if err != nil {
		return nil, fmt.Errorf("certify: classifier: %w", err)
	}
	if len(labels) != len(images) {
		return nil, fmt.Errorf("certify: the classifier gave %d labels for %d pictures", len(labels), len(images))
	}
	for _, l := range labels {
		if l < 0 {
			return nil, errors.New("certify: the classifier gave a negative label")
		}
	}
	return labels, nil
}
