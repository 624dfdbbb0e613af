package head

import (
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// questionWords turns questions into vectors: one number per known word, 1 if the question has it, all scaled
// to unit length. Words that are not known are left out.
type questionWords struct {
	Words []string `json:"words"` // sorted
}

// maxWords bounds a vocabulary of questions.
const maxWords = 1 << 16

func newQuestionWords(feats []Features) questionWords {
	seen := map[string]bool{}
	for _, f := range feats {
		for _, q := range f.Sample.QA {
			for _, w := range metric.Words(q.Text) {
				seen[w] = true
			}
		}
	}
	var q questionWords
	for w := range seen {
		q.Words = append(q.Words, w)
	}
	slices.Sort(q.Words)
	return q
}

func (q questionWords) vector(question string) []float32 {
	v := make([]float32, len(q.Words))
	n := 0.0
	for _, w := range metric.Words(question) {
		if i, ok := slices.BinarySearch(q.Words, w); ok && v[i] == 0 {
			v[i] = 1
			n++
		}
	}
	if n > 0 {
		for i := range v {
			v[i] = float32(float64(v[i]) / math.Sqrt(n))
		}
	}
	return v
}

func (q questionWords) validate(head string) error {
	if len(q.Words) == 0 || len(q.Words) > maxWords || !slices.IsSorted(q.Words) {
		return fmt.Errorf("head %s: a vocabulary of %d question words", head, len(q.Words))
	}
	return nil
}

// closestQuestion is the index of the known question most like the one asked, −1 if they share no word.
func (q questionWords) closestQuestion(known []string, asked string) int {
	v := q.vector(asked)
	best, at := 0.0, -1
	for i, k := range known {
		if s := dot(q.vector(k), v); s > best+1e-12 {
			best, at = s, i
		}
	}
	return at
}

// commonAnswer is the answer most often given, the first of equals, in the form of [metric.NormalizeAnswer].
func commonAnswer(answers []string) string {
	count := map[string]int{}
	best := ""
	for _, a := range answers {
		count[metric.NormalizeAnswer(a)]++
	}
	for _, a := range answers {
		if n := metric.NormalizeAnswer(a); best == "" || count[n] > count[best] {
			best = n
		}
	}
	return best
}

// asking is an image that holds a question only.
func asking(question string) Features {
	return Features{Sample: &dataset.Sample{QA: []dataset.Question{{Text: question}}}}
}
