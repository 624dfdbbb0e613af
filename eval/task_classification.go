package eval

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// classification counts labels equal to the truth.
type classification struct{ classes []string }

func newClassification(data *dataset.Dataset) (scorer, error) {
	if data == nil {
		return classification{}, nil
	}
	if len(data.Classes) == 0 {
		return nil, fmt.Errorf("the data %s has no classes: put the images in one folder per class", data.Name)
	}
	return classification{data.Classes}, nil
}

func (classification) rightOrWrong() {}

func (classification) metric() report.Metric {
	return report.Metric{Name: "accuracy", Share: true, HigherIsBetter: true}
}

func (c classification) chance() float64 {
	if len(c.classes) == 0 {
		return math.NaN()
	}
	return 1 / float64(len(c.classes))
}

func (c classification) compare(outs []head.Output, s *dataset.Sample) (Response, error) {
	if s.Label == dataset.NoLabel {
		return Response{}, fmt.Errorf("%s has no class", s.ID)
	}
	r := Response{Text: c.name(outs[0].Label), Truth: c.name(s.Label), Reason: reasonWrong}
	if outs[0].Label == s.Label {
		r.Value, r.Reason = 1, reasonRight
	}
	return r, nil
}

func (classification) nothing(*dataset.Sample) []head.Output { return noAnswer() }

// name is the class's name; a head may know classes that the data does not have.
func (c classification) name(label int) string {
	if label >= 0 && label < len(c.classes) {
		return c.classes[label]
	}
	return fmt.Sprintf("class %d", label)
}

func (classification) statistic(rs []Response) (stat.Statistic, error) { return values(rs) }
