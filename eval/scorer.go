package eval

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
)

// scorer compares a task's answers with the truth, and turns the responses of many images into the
// task's metric.
type scorer interface {
	metric() report.Metric
	chance() float64 // what guessing scores; NaN where it has no meaning

	// compare judges one image. There is one output, or one per question of the sample.
	compare(outs []head.Output, s *dataset.Sample) (Response, error)

	// nothing is what stands for an answer that a system does not give.
	nothing(s *dataset.Sample) []head.Output

	// statistic returns the metric as a function of image indices. It uses the responses alone.
	statistic(rs []Response) (stat.Statistic, error)
}

// further is a scorer with more metrics than the one that it is judged by.
type further interface {
	more(rs []Response) ([]measure, error)
}

// measure is a metric with its value as a function of image indices, or with the images that hit where it is
// their share.
type measure struct {
	metric    report.Metric
	statistic stat.Statistic
	hits      []bool
}

// shareOf is a metric between 0 and 1 of which more is better.
func shareOf(name string) report.Metric {
	return report.Metric{Name: name, Share: true, HigherIsBetter: true}
}

// binary scorers have responses that are right or wrong: their intervals are Wilson's and their
// comparisons McNemar's.
type binary interface{ rightOrWrong() }

// scorers holds a constructor per task. data may be nil when only metric and statistic are used.
var scorers = map[head.Task]func(data *dataset.Dataset) (scorer, error){
	head.Classification: newClassification,
	head.Anomaly:        newAnomaly,
	head.Segmentation:   newSegmentation,
	head.Detection:      newDetection,
	head.Captioning:     newCaptioning,
	head.VQA:            newQuestions,
	head.Retrieval:      newRetrieval,
}

// Judgeable is an error that says what the data lacks for a task.
func Judgeable(task head.Task, data *dataset.Dataset) error {
	_, err := newScorer(task, data)
	return err
}

func newScorer(task head.Task, data *dataset.Dataset) (scorer, error) {
	build, ok := scorers[task]
	if !ok {
		return nil, fmt.Errorf("no way to score task %q", task)
	}
	return build(data)
}

// noAnswer is nothing in the tasks that have no worse.
func noAnswer() []head.Output { return []head.Output{{Label: dataset.NoLabel}} }

// values is the mean of the images' own scores.
func values(rs []Response) (stat.Statistic, error) {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = float64(r.Value)
	}
	return stat.Mean(v), nil
}
