package metric

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAUROCByHand(t *testing.T) {
	// Pairs (positive, negative): (3,1) won, (3,2) won, (2,1) won, (2,2) tie: 3.5 of 4.
	got, err := AUROC([]float64{3, 2, 1, 2}, []bool{true, true, false, false})
	if err != nil || got != 3.5/4 {
		t.Fatalf("%v, %v", got, err)
	}
	if got, _ := AUROC([]float64{1, 1}, []bool{true, true}); !math.IsNaN(got) {
		t.Errorf("without negatives: %v", got)
	}
	if _, err := AUROC([]float64{math.NaN(), 1}, []bool{true, false}); err == nil {
		t.Error("NaN was accepted")
	}
}

func TestAUROCAgainstCountingPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	scores, positive := make([]float64, 60), make([]bool, 60)
	for i := range scores {
		scores[i], positive[i] = float64(rng.IntN(20)), rng.IntN(3) == 0
	}
	var won, pairs float64
	for i, p := range positive {
		for j, q := range positive {
			if p && !q {
				pairs++
				if scores[i] > scores[j] {
					won++
				} else if scores[i] == scores[j] {
					won += 0.5
				}
			}
		}
	}
	if got, err := AUROC(scores, positive); err != nil || math.Abs(got-won/pairs) > 1e-12 {
		t.Errorf("%v, %v; counting gives %v", got, err, won/pairs)
	}
}

func TestTPRAtFPRByHand(t *testing.T) {
	scores := []float64{0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3}
	positive := []bool{true, false, true, true, false, false, true, false}
	for _, c := range []struct{ fpr, tpr, threshold float64 }{
		{0, 0.25, 0.9}, {0.24, 0.25, 0.9}, {0.25, 0.75, 0.6}, {0.75, 0.75, 0.4}, {1, 1, 0.3},
	} {
		tpr, err := TPRAtFPR(scores, positive, c.fpr)
		at, _ := ThresholdAtFPR(scores, positive, c.fpr)
		if err != nil || tpr != c.tpr || at != c.threshold {
			t.Errorf("at %v: %v with threshold %v, %v; want %v with %v", c.fpr, tpr, at, err, c.tpr, c.threshold)
		}
	}
}

func TestRecallAtByHand(t *testing.T) {
	similarity := [][]float32{{0.9, 0.1, 0.5}, {0.2, 0.2, 0.2}, {0, 1, 2}, {1, 0, 0}}
	relevant := [][]int{{0}, {1}, {0, 1}, nil}
	for k, want := range map[int]int{1: 1, 2: 2, 3: 3} {
		r, err := RecallAt(similarity, relevant, k)
		if err != nil || r != (Rate{Hits: want, N: 3}) {
			t.Errorf("recall@%d = %v, %v; want %d of 3", k, r, err, want)
		}
	}
	if _, err := RecallAt(similarity, [][]int{{5}, {0}, {0}, {0}}, 1); err == nil {
		t.Error("a relevant item beyond the gallery was accepted")
	}
}
