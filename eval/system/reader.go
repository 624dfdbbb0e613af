package system

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// Reader understands the JSON answers of a black box. An answer is one object; the task says which of its fields
// are needed, others are ignored:
//
//	classification  "scores": {"scratch": 0.9, …} or [0.9, …] in the order of classes; or "label": "scratch" or 1
//	anomaly         "anomaly": 0.83, larger for more anomalous; "label" for the system's own verdict is optional
//	segmentation    "mask": one mask or a list, later over earlier; see below
//	detection       "boxes": [{"box": [x0, y0, x1, y1], "label": "scratch", "score": 0.9}, …]
//	captioning      "caption": "…"
//	vqa             "answer": "…"
//	retrieval       "ranking": ["scratch", …], the classes of what was found, best first
//	any of these    "embedding": [0.1, …], where a head on the embedding is given
//	any             "error": "…" instead
//
// A label is a class name or its number in the order of classes. A mask is {"png": BASE64, "label": "scratch"},
// whose pixels of 128 or more belong to the class; {"png": BASE64}, grey, 0 for background and 1 + the number of
// the class; or {"size": [h, w], "counts": …, "label": "scratch"} with COCO's run lengths.
type Reader struct {
	Task    head.Task
	Classes Classes
	Boxes   Boxes     // how boxes are written
	Head    head.Head // makes the answer from the embedding; nil where the system gives the answer itself
}

// Validate reports what is missing or contradicts itself.
func (r Reader) Validate() error {
	if err := r.Boxes.validate(); err != nil {
		return err
	}
	switch r.Task {
	case head.Classification, head.Anomaly, head.Segmentation, head.Detection, head.Captioning, head.VQA, head.Retrieval:
	default:
		return fmt.Errorf("the task %q is not known", r.Task)
	}
	if r.Head != nil && (r.Head.Task() != r.Task || len(r.Head.Taps()) != 1) {
		return fmt.Errorf("the head %s is for %s and reads %d activations: one for %s that reads the embedding is needed", r.Head.Name(), r.Head.Task(), len(r.Head.Taps()), r.Task)
	}
	return nil
}

// reply is an answer's fields.
type reply struct {
	Error     string          `json:"error"`
	Label     *label          `json:"label"`
	Scores    json.RawMessage `json:"scores"`
	Anomaly   *float64        `json:"anomaly"`
	Boxes     []replyBox      `json:"boxes"`
	Mask      json.RawMessage `json:"mask"`
	Caption   *string         `json:"caption"`
	Answer    *string         `json:"answer"`
	Ranking   []label         `json:"ranking"`
	Embedding []float32       `json:"embedding"`
}

type replyBox struct {
	Box   []float64 `json:"box"`
	Label *label    `json:"label"`
	Score *float64  `json:"score"`
}

// label is a class by name or by number.
type label struct {
	name   string
	number int
}

func (l *label) UnmarshalJSON(raw []byte) error {
	l.number = -1
	if err := json.Unmarshal(raw, &l.name); err == nil {
		return nil
	}
	if err := json.Unmarshal(raw, &l.number); err != nil || l.number < 0 {
		return fmt.Errorf("the label %s is neither a class name nor a number from 0", raw)
	}
	return nil
}

func (r Reader) index(l label) (int, error) {
	if l.number >= 0 {
		return r.Classes.at(l.number)
	}
	return r.Classes.named(l.name)
}

// Read understands one answer about an image of the given size.
func (r Reader) Read(raw []byte, width, height int) (head.Output, error) {
	var a reply
	if err := json.Unmarshal(raw, &a); err != nil {
		return head.Output{}, fmt.Errorf("the answer is no JSON object as documented: %w: %s", err, excerpt(raw))
	}
	if a.Error != "" {
		return head.Output{}, errors.New("it answers: " + excerpt([]byte(a.Error)))
	}
	if r.Head != nil {
		if len(a.Embedding) == 0 {
			return head.Output{}, missing("embedding")
		}
		return r.Head.Predict(head.Input{Acts: []head.Activation{head.Vector(a.Embedding)}, Width: width, Height: height})
	}
	switch r.Task {
	case head.Classification:
		return r.class(a)
	case head.Anomaly:
		return anomaly(a)
	case head.Segmentation:
		return r.mask(a, width, height)
	case head.Detection:
		return r.detections(a, width, height)
	case head.Captioning:
		return text(a.Caption, "caption")
	case head.VQA:
		return text(a.Answer, "answer")
	default:
		return r.ranking(a)
	}
}

func missing(field string) error { return fmt.Errorf("the answer has no %q", field) }

func text(s *string, field string) (head.Output, error) {
	if s == nil {
		return head.Output{}, missing(field)
	}
	return head.Output{Label: -1, Text: *s}, nil
}

func anomaly(a reply) (head.Output, error) {
	if a.Anomaly == nil {
		return head.Output{}, missing("anomaly")
	}
	out := head.Output{Anomaly: *a.Anomaly}
	if l := a.Label; l != nil && (l.number > 0 || l.name == "defective") {
		out.Label = 1
	}
	return out, nil
}

func (r Reader) class(a reply) (head.Output, error) {
	if len(a.Scores) == 0 {
		if a.Label == nil {
			return head.Output{}, missing("scores")
		}
		k, err := r.index(*a.Label)
		return head.Output{Label: k}, err
	}
	scores, err := r.scores(a.Scores)
	if err != nil {
		return head.Output{}, err
	}
	return classified(scores)
}

// classified chooses the class of the largest score, the first of equals.
func classified(scores []float32) (head.Output, error) {
	best := 0
	for k, v := range scores {
		if math.IsNaN(float64(v)) {
			return head.Output{}, fmt.Errorf("score %d is NaN", k)
		}
		if v > scores[best] {
			best = k
		}
	}
	return head.Output{Label: best, Scores: scores}, nil
}

func (r Reader) scores(raw json.RawMessage) ([]float32, error) {
	var list []float32
	if err := json.Unmarshal(raw, &list); err == nil {
		return r.Classes.spread(list)
	}
	var byName map[string]float32
	if err := json.Unmarshal(raw, &byName); err != nil || len(byName) == 0 {
		return nil, fmt.Errorf("scores are neither numbers in the order of classes nor an object of a number for each class: %s", excerpt(raw))
	}
	low := float32(math.Inf(1))
	for _, v := range byName {
		low = min(low, v)
	}
	out := slices.Repeat([]float32{low - 1}, len(r.Classes.labels))
	for name, v := range byName {
		k, err := r.Classes.named(name)
		if err != nil {
			return nil, err
		}
		if k >= 0 {
			out[k] = max(out[k], v)
		}
	}
	return out, nil
}

// mostBoxes bounds the boxes that are read from one answer.
const mostBoxes = 1 << 16

func (r Reader) detections(a reply, width, height int) (head.Output, error) {
	if a.Boxes == nil {
		return head.Output{}, missing("boxes")
	}
	if len(a.Boxes) > mostBoxes {
		return head.Output{}, fmt.Errorf("%d boxes, at most %d are read", len(a.Boxes), mostBoxes)
	}
	var found []metric.Detection
	for i, b := range a.Boxes {
		if len(b.Box) != 4 || b.Label == nil || b.Score == nil {
			return head.Output{}, fmt.Errorf("box %d: want {\"box\": [four numbers], \"label\": …, \"score\": …}", i)
		}
		k, err := r.index(*b.Label)
		if err != nil {
			return head.Output{}, fmt.Errorf("box %d: %w", i, err)
		}
		if k >= 0 {
			box := r.Boxes.decode([4]float64(b.Box), float64(width), float64(height))
			box.Class = k
			found = append(found, metric.Detection{Box: box.Clip(float64(width), float64(height)), Score: *b.Score})
		}
	}
	return head.Output{Label: -1, Detections: r.Boxes.choose(found)}, nil
}

func (r Reader) ranking(a reply) (head.Output, error) {
	if len(a.Ranking) == 0 {
		return head.Output{}, missing("ranking")
	}
	scores := slices.Repeat([]float32{0}, len(r.Classes.labels))
	first := 0
	for i, l := range a.Ranking {
		k, err := r.index(l)
		if err != nil {
			return head.Output{}, fmt.Errorf("rank %d: %w", i+1, err)
		}
		if i == 0 {
			first = k
		}
		if k >= 0 {
			scores[k] = max(scores[k], 1/float32(i+1))
		}
	}
	return head.Output{Label: first, Scores: scores}, nil
}
