package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"gorgonia.org/tensor"
)

// Group is one or more systems that answer together because they share work, such as heads on one
// encoder. It is safe for concurrent use.
type Group interface {
	// Systems describes the systems; their identifiers are unique within a plan.
	Systems() []report.System

	// Answer gives every system's response to every image: [image][system]. What goes wrong with one
	// image or system is in its response; the error is for what concerns all, such as a cancelled context.
	Answer(ctx context.Context, images []*dataset.Sample) ([][]Response, error)
}

// Response is what one system said about one image, compared with the truth.
type Response struct {
	Text   string          `json:"text"`             // as a person reads it
	Truth  string          `json:"truth"`            // what would have been right
	Value  report.Number   `json:"value"`            // the image's own score: 1 or 0 where answers are right or wrong
	Reason string          `json:"reason"`           // right, wrong, scored, or error: …
	Detail json.RawMessage `json:"detail,omitempty"` // what a metric over many images needs
}

// The reasons of responses. One that failed has the prefix reasonError and counts as the worst answer; one about an
// image without annotation for the task has the prefix reasonUnjudged and is in no number.
const (
	reasonRight    = "right"
	reasonWrong    = "wrong"
	reasonScored   = "scored"
	reasonError    = "error: "
	reasonUnjudged = "not judged: "
)

// failed reports whether there is no answer.
func (r Response) failed() bool { return strings.HasPrefix(r.Reason, reasonError) }

// judged reports whether it was known what would have been right.
func (r Response) judged() bool { return !strings.HasPrefix(r.Reason, reasonUnjudged) }

// headGroup is a set of heads on one encoder, answered from one forward pass.
type headGroup struct {
	enc     encoder.Encoder
	heads   []head.Head
	scorers []scorer
	systems []report.System
	taps    []encoder.Tap
	at      [][]int // head → tap → index in taps
}

// HeadSystem is a head with what a report says about it.
type HeadSystem struct {
	Head   head.Head
	Title  string   // for people
	Note   string   // how it was made
	Labels []string // of a classifier that knows more classes than the data: their names, the data's first
}

// Heads groups heads on enc. relation says how enc relates to the attacked encoder: same-weights,
// fine-tuned, other-architecture or defended. prefix is put before the heads' names to keep
// identifiers unique among groups; it may be empty. data gives the truth's classes and references.
func Heads(enc encoder.Encoder, relation, prefix string, data *dataset.Dataset, heads ...HeadSystem) (Group, error) {
	g := &headGroup{enc: enc}
	for _, h := range heads {
		sc, err := newScorer(h.Head.Task(), data)
		if err != nil {
			return nil, fmt.Errorf("eval: head %s: %w", h.Head.Name(), err)
		}
		if _, ok := sc.(classification); ok && h.Labels != nil {
			sc = classification{h.Labels}
		}
		title := h.Title
		if title == "" {
			title = h.Head.Name()
		}
		g.heads, g.scorers = append(g.heads, h.Head), append(g.scorers, sc)
		g.systems = append(g.systems, describeSystem(prefix+h.Head.Name(), title, h.Head.Task(), relation, h.Note, sc))
	}
	g.findTaps()
	return g, nil
}

// findTaps lists the heads' taps, each once.
func (g *headGroup) findTaps() {
	index := map[encoder.Tap]int{}
	for _, h := range g.heads {
		var at []int
		for _, t := range h.Taps() {
			k, ok := index[t]
			if !ok {
				k = len(g.taps)
				index[t] = k
				g.taps = append(g.taps, t)
			}
			at = append(at, k)
		}
		g.at = append(g.at, at)
	}
}

// Systems implements [Group].
func (g *headGroup) Systems() []report.System { return g.systems }

// Answer implements [Group].
func (g *headGroup) Answer(ctx context.Context, images []*dataset.Sample) ([][]Response, error) {
	acts, err := activations(ctx, g.enc, images, g.taps)
	if err != nil {
		return nil, err
	}
	out := make([][]Response, len(images))
	for i, s := range images {
		for k, h := range g.heads {
			in := g.input(k, acts, i, s)
			out[i] = append(out[i], respond(h.Task(), g.scorers[k], s, func(question string) (head.Output, error) {
				in.Question = question
				return h.Predict(in)
			}))
		}
	}
	return out, nil
}

// input is what head k sees of the i-th image.
func (g *headGroup) input(k int, acts [][]head.Activation, i int, s *dataset.Sample) head.Input {
	in := head.Input{Width: s.Width, Height: s.Height}
	for _, t := range g.at[k] {
		in.Acts = append(in.Acts, acts[t][i])
	}
	return in
}

// respond asks about one image and compares the answer with the truth. No answer, or one that cannot be compared,
// stands for the worst that there is.
func respond(task head.Task, sc scorer, s *dataset.Sample, ask func(question string) (head.Output, error)) Response {
	nothing, err := sc.compare(sc.nothing(s), s)
	if err != nil {
		return Response{Reason: reasonUnjudged + err.Error()}
	}
	outs, err := answers(task, s, ask)
	if err == nil {
		var r Response
		if r, err = sc.compare(outs, s); err == nil {
			return r
		}
	}
	nothing.Text, nothing.Reason = "", reasonError+err.Error()
	if nothing.Value.Finite() {
		nothing.Value = 0
	}
	return nothing
}

// answers asks about one image, once per question where the task is to answer questions.
func answers(task head.Task, s *dataset.Sample, ask func(question string) (head.Output, error)) ([]head.Output, error) {
	questions := []string{""}
	if task == head.VQA {
		questions = questions[:0]
		for _, q := range s.QA {
			questions = append(questions, q.Text)
		}
	}
	var outs []head.Output
	for _, q := range questions {
		o, err := ask(q)
		if err != nil {
			return nil, err
		}
		outs = append(outs, o)
	}
	return outs, nil
}

// activations runs one forward pass and returns what the taps hold: [tap][image].
func activations(ctx context.Context, enc encoder.Encoder, images []*dataset.Sample, taps []encoder.Tap) ([][]head.Activation, error) {
	pixels := make([]*tensor.Dense, len(images))
	for i, s := range images {
		pixels[i] = s.Image
	}
	acts, err := encoder.Activations(ctx, enc, pixels, taps...)
	if err != nil {
		return nil, err
	}
	out := make([][]head.Activation, len(taps))
	for t, a := range acts {
		shape := a.Shape()
		data, ok := a.Data().([]float32)
		if !ok || len(shape) < 2 || shape[0] != len(images) {
			return nil, fmt.Errorf("eval: tap %s of %s is %v %v for %d images", taps[t], enc.Spec().Name, a.Dtype(), shape, len(images))
		}
		n := len(data) / len(images)
		for i := range images {
			out[t] = append(out[t], head.Activation{Shape: append([]int(nil), shape[1:]...), Data: data[i*n : (i+1)*n]})
		}
	}
	return out, nil
}
