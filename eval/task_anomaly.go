package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// anomaly ranks images by their anomaly score: the area under the ROC curve of defective against good.
type anomaly struct{ good int }

type anomalyDetail struct {
	Score     report.Number `json:"score"`
	Defective bool          `json:"defective"`
	Flagged   bool          `json:"flagged"` // by the head's own threshold
}

// goodNames are the class names that data sets give to parts free of defects.
var goodNames = []string{"good", "ok", "free", "none", "normal", "mt_free"}

func newAnomaly(data *dataset.Dataset) (scorer, error) {
	if data == nil {
		return anomaly{}, nil
	}
	for i, c := range data.Classes {
		for _, g := range goodNames {
			if strings.EqualFold(c, g) {
				return anomaly{good: i}, nil
			}
		}
	}
	return nil, fmt.Errorf("the data %s has no class of good parts (one of %s)", data.Name, strings.Join(goodNames, ", "))
}

func (anomaly) metric() report.Metric {
	return report.Metric{Name: "AUROC", Share: true, HigherIsBetter: true}
}

func (anomaly) chance() float64 { return 0.5 }

// nothing is the worst score that there is, with the worst verdict.
func (a anomaly) nothing(s *dataset.Sample) []head.Output {
	if s.Label == a.good {
		return []head.Output{{Anomaly: math.Inf(1), Label: 1}}
	}
	return []head.Output{{Anomaly: math.Inf(-1)}}
}

// compare gives an image its score with the sign that makes larger better, so that the worst attack on
// one image is the one that moves its score furthest to the wrong side.
func (a anomaly) compare(outs []head.Output, s *dataset.Sample) (Response, error) {
	if s.Label == dataset.NoLabel {
		return Response{}, fmt.Errorf("%s has no class", s.ID)
	}
	score, defective := outs[0].Anomaly, s.Label != a.good
	if math.IsNaN(score) {
		return Response{}, fmt.Errorf("%s: the anomaly score is not a number", s.ID)
	}
	r := Response{Truth: "good", Text: fmt.Sprintf("score %.3g", score), Value: report.Number(-score), Reason: reasonScored}
	if defective {
		r.Truth, r.Value = "defective", report.Number(score)
	}
	var err error
	r.Detail, err = json.Marshal(anomalyDetail{report.Number(score), defective, outs[0].Label == 1})
	return r, err
}

func (anomaly) statistic(rs []Response) (stat.Statistic, error) { return overScores(rs, metric.AUROC) }

// overScores is a function of the anomaly scores and of which images are defective.
func overScores(rs []Response, of func(scores []float64, positive []bool) (float64, error)) (stat.Statistic, error) {
	scores, positive := make([]float64, len(rs)), make([]bool, len(rs))
	for i, r := range rs {
		var d anomalyDetail
		if err := json.Unmarshal(r.Detail, &d); err != nil {
			return nil, err
		}
		scores[i], positive[i] = float64(d.Score), d.Defective
	}
	return func(indices []int) float64 {
		var s []float64
		var p []bool
		for _, i := range indices {
			s, p = append(s, scores[i]), append(p, positive[i])
		}
		v, err := of(s, p)
		if err != nil {
			return math.NaN()
		}
		return v
	}, nil
}

var errNoTruth = errors.New("the image has no annotation for this task")
