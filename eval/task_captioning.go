package eval

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// captioning is CIDEr-D, with document frequencies from the references of the whole data set.
type captioning struct{ cider *metric.CIDEr }

type captionDetail struct {
	References []string `json:"references"`
}

func newCaptioning(data *dataset.Dataset) (scorer, error) {
	if data == nil {
		return captioning{}, nil
	}
	var references [][]string
	for _, s := range data.Samples {
		if len(s.Captions) > 0 {
			references = append(references, s.Captions)
		}
	}
	c, err := metric.NewCIDEr(references)
	return captioning{c}, err
}

func (captioning) metric() report.Metric { return report.Metric{Name: "CIDEr-D", HigherIsBetter: true} }

func (captioning) nothing(*dataset.Sample) []head.Output { return noAnswer() }

func (captioning) chance() float64 { return math.NaN() }

func (c captioning) compare(outs []head.Output, s *dataset.Sample) (Response, error) {
	if len(s.Captions) == 0 {
		return Response{}, errNoTruth
	}
	r := Response{Text: outs[0].Text, Truth: strings.Join(s.Captions, " / "), Reason: reasonScored,
		Value: report.Number(c.cider.D(outs[0].Text, s.Captions))}
	var err error
	r.Detail, err = json.Marshal(captionDetail{s.Captions})
	return r, err
}

func (captioning) statistic(rs []Response) (stat.Statistic, error) { return values(rs) }
