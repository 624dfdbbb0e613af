package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// questionsDetail is what was asked about an image, with what is right.
type questionsDetail []struct {
	Question string   `json:"question"`
	Answers  []string `json:"answers"`
}

func asked(s *dataset.Sample) questionsDetail {
	d := make(questionsDetail, len(s.QA))
	for i, q := range s.QA {
		d[i].Question, d[i].Answers = q.Text, q.Answers
	}
	return d
}

// questions is the VQA accuracy, averaged over the questions of an image and then over images.
type questions struct{}

func newQuestions(*dataset.Dataset) (scorer, error) { return questions{}, nil }

func (questions) metric() report.Metric {
	return report.Metric{Name: "VQA accuracy", Share: true, HigherIsBetter: true}
}

func (questions) nothing(s *dataset.Sample) []head.Output { return make([]head.Output, len(s.QA)) }

func (questions) chance() float64 { return math.NaN() }

func (questions) compare(outs []head.Output, s *dataset.Sample) (Response, error) {
	if len(s.QA) == 0 || len(outs) != len(s.QA) {
		return Response{}, errNoTruth
	}
	var said, wanted []string
	var sum float64
	for i, q := range s.QA {
		sum += metric.VQAAccuracy(outs[i].Text, q.Answers)
		said = append(said, fmt.Sprintf("%s %s", q.Text, outs[i].Text))
		if len(q.Answers) > 0 {
			wanted = append(wanted, q.Answers[0])
		}
	}
	r := Response{Text: strings.Join(said, " / "), Truth: strings.Join(wanted, " / "), Reason: reasonScored,
		Value: report.Number(sum / float64(len(s.QA)))}
	var err error
	r.Detail, err = json.Marshal(asked(s))
	return r, err
}

func (questions) statistic(rs []Response) (stat.Statistic, error) { return values(rs) }
