package eval

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// detection is the average precision at an intersection over union of one half.
type detection struct{ classes int }

type detectionDetail struct {
	Classes int          `json:"classes"`
	Found   metric.Found `json:"found"`
}

func newDetection(data *dataset.Dataset) (scorer, error) {
	if data == nil {
		return detection{}, nil
	}
	return detection{len(data.Classes)}, nil
}

func (detection) metric() report.Metric {
	return report.Metric{Name: "AP50", Share: true, HigherIsBetter: true}
}

func (detection) nothing(*dataset.Sample) []head.Output { return noAnswer() }

func (detection) chance() float64 { return math.NaN() }

func (d detection) compare(outs []head.Output, s *dataset.Sample) (Response, error) {
	detail := detectionDetail{d.classes, metric.Found{Detections: outs[0].Detections, Truth: s.Boxes}}
	score, err := metric.NewDetectionScore([]metric.Found{detail.Found}, d.classes)
	if err != nil {
		return Response{}, err
	}
	own := score.All().AP50
	if math.IsNaN(own) { // nothing to find: right when nothing was found
		own = 0
		if len(detail.Found.Detections) == 0 {
			own = 1
		}
	}
	r := Response{Text: fmt.Sprintf("%d boxes, AP50 %.2f", len(outs[0].Detections), own), Truth: fmt.Sprintf("%d boxes", len(s.Boxes)),
		Value: report.Number(own), Reason: reasonScored}
	r.Detail, err = json.Marshal(detail)
	return r, err
}

func (detection) statistic(rs []Response) (stat.Statistic, error) {
	score, err := detections(rs)
	if err != nil {
		return nil, err
	}
	return score.AP50(), nil
}

// detections matches what was found in every image.
func detections(rs []Response) (*metric.DetectionScore, error) {
	found, classes := make([]metric.Found, len(rs)), 0
	for i, r := range rs {
		var d detectionDetail
		if err := json.Unmarshal(r.Detail, &d); err != nil {
			return nil, err
		}
		found[i], classes = d.Found, max(classes, d.Classes)
	}
	return metric.NewDetectionScore(found, classes)
}
