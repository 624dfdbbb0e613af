package system

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// Network is a whole downstream model in one ONNX file, run on this library's engine: an image in; logits, masks,
// boxes with scores, an embedding or an anomaly score out.
type Network struct {
	name  string
	model *encoder.Model
	cfg   NetworkConfig
	taps  []encoder.Tap
	kinds []Kind
}

// NetworkConfig says what a model's outputs mean.
type NetworkConfig struct {
	Task      head.Task       // "" where the outputs tell
	Outputs   map[Kind]string // names of the outputs; nil where their shapes tell
	Classes   Classes
	Boxes     NetworkBoxes
	Head      head.Head // makes the answer from the embedding; nil where there is none
	Threshold float64   // a pixel of a mask of one channel, or an anomaly score, counts when above; 0 fits logits
}

// NetworkBoxes says what a detector's boxes and scores are.
type NetworkBoxes struct {
	Boxes      `yaml:",inline"`
	Scores     string `yaml:"scores,omitempty"`     // sigmoid or softmax make scores of logits; "" leaves them
	Background string `yaml:"background,omitempty"` // first or last: where the scores have a column for nothing; "" none has
}

func (b NetworkBoxes) validate() error {
	if !slices.Contains([]string{"", "sigmoid", "softmax"}, b.Scores) {
		return fmt.Errorf("scores of boxes %q are none of sigmoid, softmax", b.Scores)
	}
	if !slices.Contains([]string{"", "first", "last"}, b.Background) {
		return fmt.Errorf("the background of boxes %q is neither first nor last", b.Background)
	}
	return b.Boxes.validate()
}

// Kind is what an output holds, for one image and without axes of length 1 in front.
type Kind string

// The kinds of outputs. N is any number of boxes, C the number of the system's classes, plus one where there is a
// column for background. The three joint kinds may also be transposed.
const (
	Logits          Kind = "logits"                  // C
	AnomalyScore    Kind = "anomaly"                 // 1, or a map whose largest value counts
	Masks           Kind = "masks"                   // C×H×W, or 1×H×W; of C+1 channels the first is background
	BoxCorners      Kind = "boxes"                   // N×4
	BoxScores       Kind = "scores"                  // N×C, or N beside labels
	BoxLabels       Kind = "labels"                  // N
	BoxesScores     Kind = "boxes+scores"            // N×(4+C)
	BoxesObjectness Kind = "boxes+objectness+scores" // N×(5+C): the score is the product
	BoxesScoreLabel Kind = "boxes+score+label"       // N×6
	EmbeddingOutput Kind = "embedding"               // E
)

// taskOf is the task that an output of a kind is for; "" where a head decides.
var taskOf = map[Kind]head.Task{
	Logits: head.Classification, AnomalyScore: head.Anomaly, Masks: head.Segmentation, BoxCorners: head.Detection,
	BoxScores: head.Detection, BoxLabels: head.Detection, BoxesScores: head.Detection, BoxesObjectness: head.Detection,
	BoxesScoreLabel: head.Detection, EmbeddingOutput: "",
}

var _ System = (*Network)(nil)

// NewNetwork makes a system of a model.
func NewNetwork(name string, m *encoder.Model, cfg NetworkConfig) (*Network, error) {
	n := &Network{name: name, model: m, cfg: cfg}
	if err := n.settle(); err != nil {
		return nil, fmt.Errorf("system %s: %w", name, err)
	}
	return n, nil
}

// settle finds the outputs and the task and checks that they fit.
func (n *Network) settle() error {
	outputs := n.model.Outputs()
	if n.cfg.Outputs == nil {
		var err error
		if n.cfg.Outputs, err = guess(outputs, n.cfg); err != nil {
			return err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(n.cfg.Outputs)) {
		task, known := taskOf[k]
		if !known {
			return fmt.Errorf("an output cannot hold %q; it can hold %s", k, kindNames())
		}
		if k == EmbeddingOutput {
			if n.cfg.Head == nil {
				return fmt.Errorf("an embedding needs text embeddings or a gallery to answer with")
			}
			task = n.cfg.Head.Task()
		}
		if n.cfg.Task == "" {
			n.cfg.Task = task
		}
		if n.cfg.Task != task {
			return fmt.Errorf("output %q holds %s, which is for %s and not for %s", n.cfg.Outputs[k], k, task, n.cfg.Task)
		}
		tap := encoder.Tap(n.cfg.Outputs[k])
		if !slices.ContainsFunc(outputs, func(o encoder.Output) bool { return o.Tap == tap }) {
			return fmt.Errorf("the model has no output %q; it has %s", tap, describe(outputs))
		}
		n.taps, n.kinds = append(n.taps, tap), append(n.kinds, k)
	}
	if n.cfg.Task == head.Detection {
		if err := n.completeBoxes(); err != nil {
			return err
		}
	}
	return n.cfg.Boxes.validate()
}

// completeBoxes checks that boxes have scores, and scores boxes.
func (n *Network) completeBoxes() error {
	has := func(k Kind) bool { return slices.Contains(n.kinds, k) }
	joint := has(BoxesScores) || has(BoxesObjectness) || has(BoxesScoreLabel)
	if joint != (len(n.kinds) == 1) || !joint && !(has(BoxCorners) && has(BoxScores)) {
		return fmt.Errorf("outputs %v make no detector: give boxes and scores (and labels), or one of the joint kinds", n.kinds)
	}
	return nil
}

func kindNames() string {
	var s []string
	for k := range taskOf {
		s = append(s, string(k))
	}
	slices.Sort(s)
	return strings.Join(s, ", ")
}

func describe(outputs []encoder.Output) string {
	var s []string
	for _, o := range outputs {
		s = append(s, fmt.Sprintf("%s %v", o.Tap, o.Shape))
	}
	return strings.Join(s, ", ")
}

// Model is the file's.
func (n *Network) Model() *encoder.Model { return n.model }

// Name and Task implement [System].
func (n *Network) Name() string    { return n.name }
func (n *Network) Task() head.Task { return n.cfg.Task }

// Answer implements [System]. The image goes through the model's own preprocessing.
func (n *Network) Answer(ctx context.Context, q Query) (head.Output, error) {
	acts, err := n.model.Forward(ctx, []*tensor.Dense{q.Image.Image}, n.taps...)
	if err != nil {
		return head.Output{}, fmt.Errorf("system %s: image %s: %w", n.name, q.Image.ID, err)
	}
	got := map[Kind]head.Activation{}
	for i, a := range acts {
		got[n.kinds[i]] = head.Activation{Shape: slices.Clone(a.Shape()), Data: a.Float32s()}
		for k, v := range got[n.kinds[i]].Data {
			if v-v != 0 {
				return head.Output{}, fmt.Errorf("system %s: image %s: output %s has %v at number %d", n.name, q.Image.ID, n.taps[i], v, k)
			}
		}
	}
	out, err := n.read(got, q.Image.Width, q.Image.Height)
	if err != nil {
		err = fmt.Errorf("system %s: image %s: %w", n.name, q.Image.ID, err)
	}
	return out, err
}

// last are the last n axes of a shape, with axes of length 1 in front where it has fewer; nil where axes before
// these are longer than 1.
func last(shape []int, n int) []int {
	for len(shape) < n {
		shape = append([]int{1}, shape...)
	}
	for _, d := range shape[:len(shape)-n] {
		if d != 1 {
			return nil
		}
	}
	return slices.Clone(shape[len(shape)-n:])
}

// read makes an answer of the outputs.
func (n *Network) read(got map[Kind]head.Activation, width, height int) (head.Output, error) {
	if a, ok := got[EmbeddingOutput]; ok {
		return n.cfg.Head.Predict(head.Input{Acts: []head.Activation{head.Vector(a.Data)}, Width: width, Height: height})
	}
	switch n.cfg.Task {
	case head.Classification:
		scores, err := n.cfg.Classes.spread(got[Logits].Data)
		if err != nil {
			return head.Output{}, err
		}
		return classified(scores)
	case head.Anomaly:
		out := head.Output{Anomaly: float64(slices.Max(got[AnomalyScore].Data))}
		if n.cfg.Threshold != 0 && out.Anomaly > n.cfg.Threshold {
			out.Label = 1
		}
		return out, nil
	case head.Segmentation:
		return n.mask(got[Masks], width, height)
	default:
		return n.detections(got, width, height)
	}
}
