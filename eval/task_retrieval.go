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

// retrieval counts queries whose best match in the head's gallery is of the query's own class (recall
// at 1). The head names that class in Output.Label.
type retrieval struct{ classes []string }

type retrievalDetail struct {
	Rank  int `json:"rank"` // of the first item of the query's class, from 1; 0 where the gallery has none
	Items int `json:"items"`
}

func newRetrieval(data *dataset.Dataset) (scorer, error) {
	if data == nil {
		return retrieval{}, nil
	}
	return retrieval{data.Classes}, nil
}

func (retrieval) rightOrWrong() {}

func (retrieval) metric() report.Metric {
	return report.Metric{Name: "R@1", Share: true, HigherIsBetter: true}
}

func (retrieval) nothing(*dataset.Sample) []head.Output { return noAnswer() }

func (retrieval) chance() float64 { return math.NaN() }

func (r retrieval) compare(outs []head.Output, s *dataset.Sample) (Response, error) {
	if s.Label == dataset.NoLabel {
		return Response{}, fmt.Errorf("%s has no class", s.ID)
	}
	names := classification(r)
	out := Response{Text: names.name(outs[0].Label), Truth: names.name(s.Label), Reason: reasonWrong}
	if outs[0].Label == s.Label {
		out.Value, out.Reason = 1, reasonRight
	}
	var err error
	if len(outs[0].Items) > 0 {
		out.Detail, err = ranked(outs[0], s.Label)
	}
	return out, err
}

// ranked is the rank of the first item of the class, 0 where there is none.
func ranked(o head.Output, class int) (json.RawMessage, error) {
	d := retrievalDetail{Items: len(o.Items)}
	var right []int
	for i, c := range o.Items {
		if c == class {
			right = append(right, i)
		}
	}
	if len(right) > 0 {
		var err error
		if d.Rank, err = metric.BestRank(o.Scores, right); err != nil {
			return nil, err
		}
	}
	return json.Marshal(d)
}

func (retrieval) statistic(rs []Response) (stat.Statistic, error) { return values(rs) }
