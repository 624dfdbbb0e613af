package alarm

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// Row is what was measured of one detector.
type Row struct {
	Detector string  `json:"detector"`
	Clean    Outcome `json:"clean"` // false alarms on pictures that set no threshold
	Plain    Outcome `json:"plain"` // attack on the encoder alone
	Aware    Outcome `json:"aware"` // attack on the encoder that avoids the detector
}

// Outcome is a detector's work on one set of pictures.
type Outcome struct {
	AUROC     Estimate `json:"auroc"` // attacked against clean; 0.5 for the clean ones themselves
	AtFPR1    Rate     `json:"alarms_at_1_percent_fpr"`
	AtFPR5    Rate     `json:"alarms_at_5_percent_fpr"`
	Wrong     Rate     `json:"wrong"`                      // pictures on which the system errs
	Unnoticed Rate     `json:"unnoticed_at_5_percent_fpr"` // and no alarm is raised
}

// Rate is a share of pictures with its 95 % interval (Wilson).
type Rate struct {
	K  int     `json:"k"`
	N  int     `json:"n"`
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

func rate(k, n int) Rate {
	v := stat.Wilson(k, n, 0.95)
	return Rate{k, n, v.Lo, v.Hi}
}

// String prints the rate with its interval, in percent.
func (r Rate) String() string {
	return fmt.Sprintf("%.0f %% (%.0f–%.0f)", 100*float64(r.K)/float64(r.N), 100*r.Lo, 100*r.Hi)
}

// Estimate is a score with its 95 % bootstrap interval over the pictures (BCa).
type Estimate struct {
	Value float64 `json:"value"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
}

// String prints the score with its interval.
func (e Estimate) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", e.Value, e.Lo, e.Hi) }

// outcome compares a set with the clean pictures that it was made from.
func outcome(s, clean set, limits [2]float64) (Outcome, error) {
	n := len(s.images)
	var o Outcome
	for i := range n {
		if math.IsNaN(s.scores[i]) || math.IsNaN(clean.scores[i]) {
			return o, fmt.Errorf("image %d: the score is not a number", i)
		}
	}
	var alarms [2]int
	wrong, unnoticed := 0, 0
	for i, score := range s.scores {
		for k, limit := range limits {
			if score > limit {
				alarms[k]++
			}
		}
		if s.wrong[i] {
			wrong++
			if score <= limits[1] {
				unnoticed++
			}
		}
	}
	o.AtFPR1, o.AtFPR5, o.Wrong, o.Unnoticed = rate(alarms[0], n), rate(alarms[1], n), rate(wrong, n), rate(unnoticed, n)
	auroc := func(images []int) float64 {
		scores, attacked := make([]float64, 0, 2*n), make([]bool, 0, 2*n)
		for _, i := range images {
			scores, attacked = append(scores, s.scores[i], clean.scores[i]), append(attacked, true, false)
		}
		v, err := metric.AUROC(scores, attacked)
		if err != nil {
			return math.NaN()
		}
		return v
	}
	e, err := stat.Bootstrap{Resamples: 2000, Seed: 1}.BCa(n, auroc)
	if err != nil {
		return o, err
	}
	o.AUROC = Estimate{e.Value, e.Interval.Lo, e.Interval.Hi}
	return o, nil
}
