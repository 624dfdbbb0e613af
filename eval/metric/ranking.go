package metric

import (
	"fmt"
	"math"
	"slices"
)

// AUROC is the area under the receiver operating characteristic: the chance that a random positive has a
// larger score than a random negative, ties counted half. NaN without positives or without negatives.
func AUROC(scores []float64, positive []bool) (float64, error) {
	order, err := byScore(scores, positive)
	if err != nil {
		return math.NaN(), err
	}
	var below, pairs, pos float64 // negatives with a smaller score; won pairs; positives
	for i := 0; i < len(order); {
		j, tiePos, tieNeg := i, 0.0, 0.0
		for ; j < len(order) && scores[order[j]] == scores[order[i]]; j++ {
			if positive[order[j]] {
				tiePos++
			} else {
				tieNeg++
			}
		}
		pairs += tiePos * (below + tieNeg/2)
		pos += tiePos
		below += tieNeg
		i = j
	}
	if pos == 0 || below == 0 {
		return math.NaN(), nil
	}
	return pairs / (pos * below), nil
}

// TPRAtFPR is the largest share of positives found by a threshold (score ≥ threshold) at which at most
// the share fpr of the negatives is. There is no interpolation between thresholds. NaN without
// positives or without negatives.
func TPRAtFPR(scores []float64, positive []bool, fpr float64) (float64, error) {
	tpr, _, err := operatingPoint(scores, positive, fpr)
	return tpr, err
}

// ThresholdAtFPR is the smallest threshold that [TPRAtFPR] uses; +Inf if every score would flag too
// many negatives.
func ThresholdAtFPR(scores []float64, positive []bool, fpr float64) (float64, error) {
	_, threshold, err := operatingPoint(scores, positive, fpr)
	return threshold, err
}

func operatingPoint(scores []float64, positive []bool, fpr float64) (tpr, threshold float64, err error) {
	order, err := byScore(scores, positive)
	if err != nil {
		return math.NaN(), math.NaN(), err
	}
	var pos, neg int
	for _, p := range positive {
		if p {
			pos++
		} else {
			neg++
		}
	}
	if pos == 0 || neg == 0 {
		return math.NaN(), math.NaN(), nil
	}
	threshold = math.Inf(1)
	tp, fp := 0, 0
	for i := len(order) - 1; i >= 0; {
		s := scores[order[i]]
		for ; i >= 0 && scores[order[i]] == s; i-- {
			if positive[order[i]] {
				tp++
			} else {
				fp++
			}
		}
		if float64(fp) > fpr*float64(neg) {
			break
		}
		tpr, threshold = float64(tp)/float64(pos), s
	}
	return tpr, threshold, nil
}

// byScore returns the indices in order of rising score.
func byScore(scores []float64, positive []bool) ([]int, error) {
	if len(scores) != len(positive) {
		return nil, fmt.Errorf("metric: %d scores for %d labels", len(scores), len(positive))
	}
	order := make([]int, len(scores))
	for i, s := range scores {
		if math.IsNaN(s) {
			return nil, fmt.Errorf("metric: score of sample %d is not a number", i)
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return 0
	})
	return order, nil
}

// RecallAt counts queries with a relevant item among the k items of largest similarity. similarity[q][i]
// is of query q to item i; an item that ties with a relevant one is taken to come before it, so that a
// constant similarity scores as badly as it deserves. relevant gives the items of each query; a query
// without any is left out.
func RecallAt(similarity [][]float32, relevant [][]int, k int) (Rate, error) {
	if len(similarity) != len(relevant) || k < 1 {
		return Rate{}, fmt.Errorf("metric: recall@%d of %d queries with %d relevance lists", k, len(similarity), len(relevant))
	}
	var r Rate
	for q, items := range relevant {
		if len(items) == 0 {
			continue
		}
		rank, err := BestRank(similarity[q], items)
		if err != nil {
			return Rate{}, fmt.Errorf("metric: query %d: %w", q, err)
		}
		r.N++
		if rank <= k {
			r.Hits++
		}
	}
	return r, nil
}

// BestRank is the rank, from 1, of the relevant item that comes first; ties count as in [RecallAt].
func BestRank(similarity []float32, items []int) (int, error) {
	best := float32(math.Inf(-1))
	isRelevant := make(map[int]bool, len(items))
	for _, i := range items {
		if i < 0 || i >= len(similarity) {
			return 0, fmt.Errorf("relevant item %d of %d", i, len(similarity))
		}
		isRelevant[i] = true
		best = max(best, similarity[i])
	}
	rank := 1
	for i, s := range similarity {
		if s != s {
			return 0, fmt.Errorf("similarity to item %d is not a number", i)
		}
		if !isRelevant[i] && s >= best {
			rank++
		}
	}
	return rank, nil
}
