package eval

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// more is the balanced accuracy.
func (classification) more(rs []Response) ([]measure, error) {
	truth := make([]string, len(rs))
	right := make([]bool, len(rs))
	for i, r := range rs {
		truth[i], right[i] = r.Truth, r.Value == 1
	}
	return []measure{{metric: shareOf("balanced accuracy"), statistic: balanced(truth, right)}}, nil
}

// balanced is the mean over the classes that occur of the share of their images that is right.
func balanced(truth []string, right []bool) stat.Statistic {
	index := map[string]int{}
	predicted, class := make([]int, len(truth)), make([]int, len(truth))
	for i, t := range truth {
		k, ok := index[t]
		if !ok {
			k = len(index)
			index[t] = k
		}
		if class[i], predicted[i] = k, -1; right[i] {
			predicted[i] = k
		}
	}
	return func(indices []int) float64 {
		p, c := make([]int, len(indices)), make([]int, len(indices))
		for k, i := range indices {
			p[k], c[k] = predicted[i], class[i]
		}
		v, err := metric.BalancedAccuracy(p, c, len(index))
		if err != nil {
			return math.NaN()
		}
		return v
	}
}

// falseAlarms is the share of good parts that may be flagged where the true positive rate is read off.
const falseAlarms = 0.05

// more is the share of defective parts found by a threshold that flags at most 5 % of the good ones, and the
// balanced accuracy of the head's own threshold.
func (anomaly) more(rs []Response) ([]measure, error) {
	tpr, err := overScores(rs, func(s []float64, p []bool) (float64, error) { return metric.TPRAtFPR(s, p, falseAlarms) })
	if err != nil {
		return nil, err
	}
	truth, right := make([]string, len(rs)), make([]bool, len(rs))
	for i, r := range rs {
		var d anomalyDetail
		if err := json.Unmarshal(r.Detail, &d); err != nil {
			return nil, err
		}
		truth[i], right[i] = r.Truth, d.Flagged == d.Defective
	}
	return []measure{{metric: shareOf("TPR at 5 % FPR"), statistic: tpr},
		{metric: shareOf("balanced accuracy at its threshold"), statistic: balanced(truth, right)}}, nil
}

// more is the average precision over IoU 0.50 to 0.95, and at 0.75.
func (detection) more(rs []Response) ([]measure, error) {
	score, err := detections(rs)
	if err != nil {
		return nil, err
	}
	return []measure{{metric: shareOf("AP (0.50:0.95)"), statistic: score.AP()}, {metric: shareOf("AP75"), statistic: score.AP75()}}, nil
}

// more is BLEU-4 over all captions.
func (captioning) more(rs []Response) ([]measure, error) {
	images := make([]metric.Captions, len(rs))
	for i, r := range rs {
		var d captionDetail
		if err := json.Unmarshal(r.Detail, &d); err != nil {
			return nil, err
		}
		images[i] = metric.Captions{Candidate: r.Text, References: d.References}
	}
	b, err := metric.NewBLEU4(images)
	if err != nil {
		return nil, err
	}
	return []measure{{metric: shareOf("BLEU-4"), statistic: b.On}}, nil
}

// more is the recall at 5 and at 10, as far as the gallery holds more items than that.
func (retrieval) more(rs []Response) ([]measure, error) {
	ranks := make([]retrievalDetail, len(rs))
	items := 0
	for i, r := range rs {
		if r.Detail != nil {
			if err := json.Unmarshal(r.Detail, &ranks[i]); err != nil {
				return nil, err
			}
		}
		items = max(items, ranks[i].Items)
	}
	var out []measure
	for _, k := range []int{5, 10} {
		if items <= k {
			continue
		}
		m := measure{metric: shareOf(fmt.Sprint("R@", k))}
		for _, r := range ranks {
			m.hits = append(m.hits, r.Rank > 0 && r.Rank <= k)
		}
		out = append(out, m)
	}
	return out, nil
}
