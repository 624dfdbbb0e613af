package eval

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// retrieval counts queries whose best match in the head's gallery is of the query's own class (recall
// at 1). The head names that class in Output.Label.
type retrieval struct{ classes []string }

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
	return out, nil
}

func (retrieval) statistic(rs []Response) (stat.Statistic, error) { return values(rs) }
