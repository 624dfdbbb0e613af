package metric

import (
	"fmt"
	"math"
)

// Captions is one image's caption and its references.
type Captions struct {
	Candidate  string
	References []string
}

// bleuCounts are one image's contribution to BLEU-4.
type bleuCounts struct {
	matched, total    [4]int
	length, refLength int
}

// BLEU4 is the corpus score of Papineni et al. (ACL 2002): the geometric mean of the clipped n-gram
// precisions for n = 1…4 times exp(1 − r/c) when the candidates' length c is below the length r of
// their closest references (the shorter of equals). No smoothing: it is 0 when no 4-gram matches. Range 0 to 1.
type BLEU4 struct{ images []bleuCounts }

// NewBLEU4 counts every image's n-grams.
func NewBLEU4(images []Captions) (*BLEU4, error) {
	b := &BLEU4{images: make([]bleuCounts, len(images))}
	for i, im := range images {
		if len(im.References) == 0 {
			return nil, fmt.Errorf("metric: image %d has no reference caption", i)
		}
		b.images[i] = countBLEU(im)
	}
	return b, nil
}

func countBLEU(im Captions) bleuCounts {
	words := Words(im.Candidate)
	c := bleuCounts{length: len(words), refLength: -1}
	refs := make([][]string, len(im.References))
	for i, r := range im.References {
		refs[i] = Words(r)
		n, d := len(refs[i]), abs(len(refs[i])-len(words))
		if best := abs(c.refLength - len(words)); c.refLength < 0 || d < best || d == best && n < c.refLength {
			c.refLength = n
		}
	}
	for n := range 4 {
		most := map[string]int{}
		for _, r := range refs {
			for g, k := range ngrams(r, n+1) {
				most[g] = max(most[g], k)
			}
		}
		for g, k := range ngrams(words, n+1) {
			c.matched[n] += min(k, most[g])
			c.total[n] += k
		}
	}
	return c
}

func abs(x int) int { return max(x, -x) }

// On scores the images with the given indices, which may repeat; NaN for none.
func (b *BLEU4) On(indices []int) float64 {
	var sum bleuCounts
	for _, i := range indices {
		im := &b.images[i]
		sum.length += im.length
		sum.refLength += im.refLength
		for n := range 4 {
			sum.matched[n] += im.matched[n]
			sum.total[n] += im.total[n]
		}
	}
	if len(indices) == 0 {
		return math.NaN()
	}
	var logs float64
	for n := range 4 {
		if sum.matched[n] == 0 {
			return 0
		}
		logs += math.Log(float64(sum.matched[n])/float64(sum.total[n])) / 4
	}
	penalty := min(0, 1-float64(sum.refLength)/float64(sum.length))
	return math.Exp(logs + penalty)
}
