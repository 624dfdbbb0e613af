package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// constant is a scorer that knows what a system scores on these images which does not look at them: the best of the
// systems that give one and the same answer to all.
type constant interface {
	constant(clean []Response) (float64, error)
}

// nothingFound is the average precision up to which a detector counts as finding nothing.
const nothingFound = 0.02

func (detection) constant([]Response) (float64, error) { return nothingFound, nil }

// constant is an empty mask.
func (segmentation) constant(clean []Response) (float64, error) {
	var sum *metric.Confusion
	for _, r := range clean {
		c := new(metric.Confusion)
		if err := json.Unmarshal(r.Detail, c); err != nil {
			return 0, err
		}
		if sum == nil {
			sum = metric.NewConfusion(c.Classes)
		}
		n := c.Classes + 1
		for truth := range n {
			for predicted := range n {
				sum.Count[truth*n] += c.Count[truth*n+predicted]
			}
		}
	}
	return sum.MeanIoU(true), nil
}

// constant is the commonest class.
func (retrieval) constant(clean []Response) (float64, error) {
	count, most := map[string]int{}, 0
	for _, r := range clean {
		count[r.Truth]++
		most = max(most, count[r.Truth])
	}
	return float64(most) / float64(len(clean)), nil
}

// mostConstant bounds the captions that are tried.
const mostConstant = 200

// constant is one of the references.
func (captioning) constant(clean []Response) (float64, error) {
	var references [][]string
	var texts []string
	for _, r := range clean {
		var d captionDetail
		if err := json.Unmarshal(r.Detail, &d); err != nil {
			return 0, err
		}
		references = append(references, d.References)
		texts = append(texts, d.References...)
	}
	c, err := metric.NewCIDEr(references)
	if err != nil {
		return math.NaN(), nil // one image alone
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	best := 0.0
	for _, text := range texts[:min(len(texts), mostConstant)] {
		sum := 0.0
		for _, r := range references {
			sum += c.D(text, r)
		}
		best = max(best, sum/float64(len(references)))
	}
	return best, nil
}

// constant is, for every question, the answer that is right most often.
func (questions) constant(clean []Response) (float64, error) {
	answers := map[string][][]string{} // question → what is right about each image
	images := make([]questionsDetail, len(clean))
	for i, r := range clean {
		if err := json.Unmarshal(r.Detail, &images[i]); err != nil {
			return 0, err
		}
		for _, q := range images[i] {
			answers[q.Question] = append(answers[q.Question], q.Answers)
		}
	}
	best := map[string]string{}
	for q, all := range answers {
		most := -1.0
		for _, text := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(all...)))) {
			sum := 0.0
			for _, right := range all {
				sum += metric.VQAAccuracy(text, right)
			}
			if sum > most {
				most, best[q] = sum, text
			}
		}
	}
	total := 0.0
	for _, im := range images {
		for _, q := range im {
			total += metric.VQAAccuracy(best[q.Question], q.Answers) / float64(len(im))
		}
	}
	return total / float64(len(images)), nil
}

// weakClean names systems that hardly beat guessing, or one answer for everything, before any attack.
func (a *assembly) weakClean() []report.Flag {
	f := report.Flag{Code: "weak-clean"}
	var names []string
	for s, system := range a.report.Systems {
		c := a.report.Cell(system.ID, report.Clean)
		trivial, least := float64(system.Chance), float64(c.Score.Low)
		clean := a.judged(s, a.rows[report.Clean][s])
		if k, ok := a.scorers[s].(constant); ok && len(clean) > 0 {
			var err error
			if trivial, err = k.constant(clean); err != nil {
				continue
			}
			if _, boxes := k.(detection); boxes {
				least = float64(c.Score.Value)
			}
		}
		if least <= trivial {
			f.Systems = append(f.Systems, system.ID)
			names = append(names, fmt.Sprintf("%s (%s; %s)", system.Name, system.Metric.Format(c.Score.Value), system.Metric.Format(report.Number(trivial))))
		}
	}
	if names == nil {
		return nil
	}
	f.Text = report.T("flag.weak-clean", strings.Join(names, ", "))
	return []report.Flag{f}
}
