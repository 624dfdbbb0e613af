package eval

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// TestFurtherMetricsByHand computes every metric beside the main one on cases small enough for paper.
func TestFurtherMetricsByHand(t *testing.T) {
	detail := func(v any) json.RawMessage {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	score := func(s report.Number, defective, flagged bool) Response {
		truth := map[bool]string{true: "defective", false: "good"}[defective]
		return Response{Truth: truth, Reason: reasonScored, Detail: detail(anomalyDetail{s, defective, flagged})}
	}
	rank := func(r, items int) Response { return Response{Detail: detail(retrievalDetail{r, items})} }
	class := func(truth string, value report.Number) Response { return Response{Truth: truth, Value: value} }
	caption := func(text string, refs ...string) Response {
		return Response{Text: text, Detail: detail(captionDetail{refs})}
	}
	for _, c := range []struct {
		name   string
		scorer further
		rs     []Response
		want   map[string]float64
	}{
		{"three of four a, none of one b", classification{}, []Response{class("a", 1), class("a", 1), class("a", 1), class("a", 0), class("b", 0)},
			map[string]float64{"balanced accuracy": 0.375}},
		// Good: 1 2 3; defective: 2.5, 4, 5. No good part may be flagged at 5 %, so the threshold is above 3.
		{"anomaly", anomaly{}, []Response{score(1, false, false), score(2, false, false), score(3, false, true), score(2.5, true, false), score(4, true, true), score(5, true, true)},
			map[string]float64{"TPR at 5 % FPR": 2. / 3, "balanced accuracy at its threshold": 2. / 3}},
		{"ranks in a gallery of 20", retrieval{}, []Response{rank(1, 20), rank(5, 20), rank(6, 20), rank(10, 20), rank(11, 20), rank(0, 20), {}, {}},
			map[string]float64{"R@5": 0.25, "R@10": 0.5}},
		{"a gallery of 6 has no R@10", retrieval{}, []Response{rank(1, 6), rank(6, 6)}, map[string]float64{"R@5": 0.5}},
		// 2 of 7 and 5 of 5 words in four-word runs: unigrams 10/11, bigrams 8/9, trigrams 6/7, four-grams 4/5; no brevity penalty.
		{"captions", captioning{}, []Response{caption("a photo of a dent", "a photo of a dent"), caption("there is rust on the part", "there is a lot", "there is rust on the plate")},
			map[string]float64{"BLEU-4": math.Pow(10./11*8/9*6/7*4/5, 0.25)}},
	} {
		measures, err := c.scorer.more(c.rs)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(measures) != len(c.want) {
			t.Errorf("%s: %d metrics, want %d", c.name, len(measures), len(c.want))
		}
		for _, m := range measures {
			if got, want := valueOf(m, len(c.rs)), c.want[m.metric.Name]; math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: %s is %v, want %v", c.name, m.metric.Name, got, want)
			}
		}
	}
}

func valueOf(m measure, n int) float64 {
	if m.hits != nil {
		sum := 0.0
		for _, h := range m.hits {
			if h {
				sum++
			}
		}
		return sum / float64(n)
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return m.statistic(all)
}

// TestRetrievalRank takes the rank from a head's answer.
func TestRetrievalRank(t *testing.T) {
	r := retrieval{surfaces.Defects}
	out := head.Output{Label: 2, Scores: []float32{0.9, 0.5, 0.7, 0.5, 0.1}, Items: []int{2, 1, 0, 0, 1}}
	for class, want := range map[int]int{2: 1, 0: 2, 1: 4, 3: 0} { // class 1's first item ties with one of another class
		got, err := r.compare([]head.Output{out}, &dataset.Sample{Label: class})
		if err != nil {
			t.Fatal(err)
		}
		var d retrievalDetail
		if err := json.Unmarshal(got.Detail, &d); err != nil || d.Rank != want || d.Items != 5 {
			t.Errorf("class %d: %+v, want rank %d (%v)", class, d, want, err)
		}
	}
}

// TestRelativeDrop checks the share of the clean score that is lost, and that none is given without a clean
// score.
func TestRelativeDrop(t *testing.T) {
	a := &assembly{report: &report.Report{}, scorers: []scorer{classification{}}}
	values := func(v ...report.Number) []Response {
		out := make([]Response, len(v))
		for i, x := range v {
			out[i] = Response{Value: x}
		}
		return out
	}
	got, err := a.lost(0, values(1, 1, 1, 1, 0), values(1, 0, 0, 1, 1))
	if err != nil || got == nil || math.Abs(float64(got.Value)-0.25) > 1e-12 || got.N != 5 || !(got.Low <= 0.25 && got.High >= 0.25) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := a.lost(0, values(0, 0), values(0, 1)); err != nil || got != nil {
		t.Errorf("a clean score of zero loses %+v, %v", got, err)
	}
}
