// Package head holds the small models that stand on a frozen encoder: from the activations of one
// image to a class, an anomaly score, a mask, boxes, a caption, an answer, or an embedding.
//
// A head names the taps it reads ([Head.Taps]) and works on activations that were computed before, so
// it neither sees nor needs the encoder. Heads are immutable once built or trained and safe for
// concurrent use. Those that have a gradient implement [Differentiable], so that a white-box attack can
// go through them.
package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

// Task is what a head is for; it decides which fields of an Output are filled.
type Task string

// The tasks and the Output fields that go with each.
const (
	Classification Task = "classification" // Scores, Label
	Anomaly        Task = "anomaly"        // Anomaly, Label (1 = defective), Map if the head localises
	Segmentation   Task = "segmentation"   // Mask
	Detection      Task = "detection"      // Detections
	Captioning     Task = "captioning"     // Text
	VQA            Task = "vqa"            // Text, Scores over the answers known
	Retrieval      Task = "retrieval"      // Embedding (unit length); Scores over the gallery if it has one
)

// Head maps one image's activations to a task output.
type Head interface {
	// Name is short, unique among the heads of a run, and stable: it keys results.
	Name() string
	Task() Task
	// Taps are the activations that Predict needs, in its order.
	Taps() []encoder.Tap
	// Predict is deterministic and does not keep or change its input.
	Predict(in Input) (Output, error)
}

// Differentiable is a head with a gradient. Scores are its raw scores before any decision; VJP gives,
// for each tap, the gradient of Σ d·Scores.
type Differentiable interface {
	Head
	// Scores is K numbers for image-level heads and tokens×K for heads on patch tokens.
	Scores(in Input) (Activation, error)
	// VJP takes the cotangent of Scores (same length) and returns one activation per tap.
	VJP(in Input, dScores []float32) ([]Activation, error)
}

// Activation is one image's value at one tap: shape E for the embedding, T×D for tokens (prefix tokens
// first).
type Activation struct {
	Shape []int
	Data  []float32 // row-major
}

// Vector is an activation of one axis.
func Vector(v []float32) Activation { return Activation{Shape: []int{len(v)}, Data: v} }

// Matrix is an activation of rows×cols.
func Matrix(rows, cols int, data []float32) Activation {
	return Activation{Shape: []int{rows, cols}, Data: data}
}

// Row is row i of a matrix.
func (a Activation) Row(i int) []float32 { return a.Data[i*a.Shape[1] : (i+1)*a.Shape[1]] }

// Zeros is an activation of a's shape.
func (a Activation) Zeros() Activation {
	return Activation{Shape: a.Shape, Data: make([]float32, len(a.Data))}
}

// Input is what a head sees of one image.
type Input struct {
	Acts          []Activation // one per tap, in the head's order
	Width, Height int          // source image size, pixels; needed by heads that give masks or boxes
	Question      string       // VQA only
}

// Output is a head's answer; which fields are filled depends on the task.
type Output struct {
	Label      int                `json:"label"`                // class index, or NoLabel
	Scores     []float32          `json:"scores,omitempty"`     // one per class or answer, larger = more likely
	Anomaly    float64            `json:"anomaly,omitempty"`    // larger = more anomalous
	Map        *Grid              `json:"map,omitempty"`        // anomaly score per patch
	Mask       *dataset.Mask      `json:"-"`                    // at source size
	Detections []metric.Detection `json:"detections,omitempty"` // best first
	Text       string             `json:"text,omitempty"`       // caption or answer
	Embedding  []float32          `json:"embedding,omitempty"`
	Items      []int              `json:"-"` // retrieval: the class of every item that Scores are of
}

// Grid is a value per patch token, row-major.
type Grid struct {
	Rows, Cols int
	Value      []float32
}

// vector returns the i-th activation as a vector of n numbers.
func (in Input) vector(head string, i, n int) ([]float32, error) {
	if i >= len(in.Acts) {
		return nil, fmt.Errorf("head %s: %d activations given, number %d is needed", head, len(in.Acts), i)
	}
	a := in.Acts[i]
	if len(a.Data) != n {
		return nil, fmt.Errorf("head %s: activation %d has %d numbers (shape %v), %d are needed: was it built for another encoder or tap?", head, i, len(a.Data), a.Shape, n)
	}
	return a.Data, finite(head, i, a.Data)
}

// matrix returns the i-th activation, which must be rows×cols; rows < 0 accepts any number.
func (in Input) matrix(head string, i, rows, cols int) (Activation, error) {
	if i >= len(in.Acts) {
		return Activation{}, fmt.Errorf("head %s: %d activations given, number %d is needed", head, len(in.Acts), i)
	}
	a := in.Acts[i]
	if len(a.Shape) != 2 || a.Shape[1] != cols || (rows >= 0 && a.Shape[0] != rows) || len(a.Data) != a.Shape[0]*cols {
		return a, fmt.Errorf("head %s: activation %d has shape %v and %d numbers, a matrix with %d columns is needed", head, i, a.Shape, len(a.Data), cols)
	}
	return a, finite(head, i, a.Data)
}

// finite is an error that names the first number that is NaN or infinite: no head may turn one into an answer.
func finite(head string, i int, data []float32) error {
	for k, v := range data {
		if v-v != 0 {
			return fmt.Errorf("head %s: activation %d has %v at number %d", head, i, v, k)
		}
	}
	return nil
}
