package metric

import (
	"fmt"
	"math"
	"slices"
)

// CIDEr scores captions by the agreement of their n-grams with the references, n = 1…4, each n-gram
// weighted by how few images' references hold it (Vedantam et al., arXiv 1411.5726). Document frequencies
// are fixed by the references given to [NewCIDEr]; at least two images are needed, since with one every
// weight log(images/frequency) is zero. Words are not stemmed, as in the COCO caption evaluation.
type CIDEr struct {
	frequency map[string]float64
	logN      float64
}

const ciderSigma = 6 // of CIDEr-D's length penalty

// NewCIDEr counts in how many images' references each n-gram occurs.
func NewCIDEr(references [][]string) (*CIDEr, error) {
	if len(references) < 2 {
		return nil, fmt.Errorf("metric: CIDEr needs references of at least 2 images, %d given", len(references))
	}
	c := &CIDEr{frequency: map[string]float64{}, logN: math.Log(float64(len(references)))}
	for i, refs := range references {
		if len(refs) == 0 {
			return nil, fmt.Errorf("metric: image %d has no reference caption", i)
		}
		seen := map[string]bool{}
		for _, r := range refs {
			words := Words(r)
			for n := 1; n <= 4; n++ {
				for g := range ngrams(words, n) {
					seen[g] = true
				}
			}
		}
		for g := range seen {
			c.frequency[g]++
		}
	}
	return c, nil
}

// D is CIDEr-D of one image, 0 to 10: n-gram counts of the candidate are clipped to the reference's and a
// length difference of Δ words costs exp(−Δ²/(2·6²)); averaged over references and n, times 10. This is what
// the COCO evaluation calls CIDEr; papers give the mean over images times 100 or times 1.
func (c *CIDEr) D(candidate string, references []string) float64 {
	return 10 * c.score(candidate, references, true)
}

// Plain is the paper's first definition (equation 1 and 2), 0 to 1: the mean cosine of the weighted
// n-gram vectors, without clipping or penalty.
func (c *CIDEr) Plain(candidate string, references []string) float64 {
	return c.score(candidate, references, false)
}

func (c *CIDEr) score(candidate string, references []string, d bool) float64 {
	if len(references) == 0 {
		return math.NaN()
	}
	words := Words(candidate)
	var sum float64
	for _, r := range references {
		ref := Words(r)
		var one float64
		for n := 1; n <= 4; n++ {
			one += c.similarity(ngrams(words, n), ngrams(ref, n), d)
		}
		if d {
			delta := float64(len(words) - len(ref))
			one *= math.Exp(-delta * delta / (2 * ciderSigma * ciderSigma))
		}
		sum += one / 4
	}
	return sum / float64(len(references))
}

// similarity is the cosine of two weighted n-gram vectors; with clipping the dot product takes
// min(candidate, reference) for the candidate.
func (c *CIDEr) similarity(candidate, reference map[string]int, clip bool) float64 {
	var inner, nc, nr float64
	for _, g := range sorted(candidate) {
		w := c.weight(g)
		a, b := w*float64(candidate[g]), w*float64(reference[g])
		nc += a * a
		if clip {
			a = min(a, b)
		}
		inner += a * b
	}
	for _, g := range sorted(reference) {
		b := c.weight(g) * float64(reference[g])
		nr += b * b
	}
	if nc == 0 || nr == 0 {
		return 0
	}
	return inner / math.Sqrt(nc*nr)
}

func (c *CIDEr) weight(g string) float64 { return c.logN - math.Log(max(1, c.frequency[g])) }

// sorted fixes the order of summation, so that a score is the same in every run.
func sorted(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
