package eval

import (
	"encoding/json"
	"fmt"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
	"math"
)

// segmentation is the mean intersection over union, background included, over the pixels of all images.
type segmentation struct{ classes int }

func newSegmentation(data *dataset.Dataset) (scorer, error) {
	if data == nil {
		return segmentation{}, nil
	}
	return segmentation{len(data.Classes)}, nil
}

func (segmentation) metric() report.Metric {
	return report.Metric{Name: "mIoU", Share: true, HigherIsBetter: true}
}

// nothing is an empty mask.
func (segmentation) nothing(s *dataset.Sample) []head.Output {
	return []head.Output{{Mask: dataset.NewMask(s.Width, s.Height)}}
}

func (segmentation) chance() float64 { return math.NaN() }

func (g segmentation) compare(outs []head.Output, s *dataset.Sample) (Response, error) {
	if s.Mask == nil || outs[0].Mask == nil {
		return Response{}, errNoTruth
	}
	c := metric.NewConfusion(g.classes)
	if err := c.Add(outs[0].Mask, s.Mask); err != nil {
		return Response{}, err
	}
	iou := c.MeanIoU(true)
	r := Response{Text: fmt.Sprintf("IoU %.2f", iou), Truth: "mask", Value: report.Number(iou), Reason: reasonScored}
	var err error
	r.Detail, err = json.Marshal(c)
	return r, err
}

func (segmentation) statistic(rs []Response) (stat.Statistic, error) {
	tables := make([]*metric.Confusion, len(rs))
	for i, r := range rs {
		tables[i] = new(metric.Confusion)
		if err := json.Unmarshal(r.Detail, tables[i]); err != nil {
			return nil, err
		}
		if n := tables[i].Classes + 1; n < 1 || n > 1<<12 || len(tables[i].Count) != n*n {
			return nil, fmt.Errorf("eval: confusion table of %d numbers for %d classes", len(tables[i].Count), tables[i].Classes)
		}
	}
	return func(indices []int) float64 {
		var sum *metric.Confusion
		for _, i := range indices {
			if sum == nil {
				sum = metric.NewConfusion(tables[i].Classes)
			}
			sum.Merge(tables[i])
		}
		if sum == nil {
			return math.NaN()
		}
		return sum.MeanIoU(true)
	}, nil
}
