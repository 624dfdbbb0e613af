package attack

import (
	"errors"
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Logits is an objective on the logits of the task's head (see [Against]): the mean over the head's
// positions of a loss of the logits and the true class. Positions labelled below 0 are left out. With
// image labels these are the classical label attacks; with per-pixel labels segmentation; with a
// head whose logits are similarities to a gallery, retrieval; with per-box classes or one objectness
// logit per box (label 1 where an object is), detection.
//
// A single-logit head (or an anomaly score) counts as the two-class logits (0, z).
type Logits struct {
	Loss string // "ce" (default), "cw", "dlr" or "dlr-t"
	Rank int    // dlr-t: the target is the class of this rank among the wrong ones at the clean image; default 1
}

var (
	_ = objectives.add("ce", "cross-entropy of the head's logits", func(*Args) Objective { return Logits{Loss: "ce"} })
	_ = objectives.add("cw", "margin of the best wrong logit over the right one (arXiv 1608.04644)", func(*Args) Objective { return Logits{Loss: "cw"} })
	_ = objectives.add("dlr", "difference of logits ratio (arXiv 2003.01690)", func(*Args) Objective { return Logits{Loss: "dlr"} })
	_ = objectives.add("dlr-t", "targeted difference of logits ratio (arXiv 2003.01690)", func(a *Args) Objective {
		return Logits{"dlr-t", a.Int("rank", 1, 1)}
	})
)

func (o Logits) String() string {
	if o.Loss == "dlr-t" {
		return expr("dlr-t", "rank", max(o.Rank, 1))
	}
	return or(o.Loss, "ce") + "()"
}

// ErrNoHead is wrapped by the errors of objectives and attacks that need a head and labels.
var ErrNoHead = errors.New("a head and labels are needed: pass attack.Against(head, labels)")

// Bind implements Objective.
func (o Logits) Bind(_ encoder.Spec, task *Task, i int) (Loss, error) {
	labels, err := task.labels(i)
	if err != nil {
		return nil, fmt.Errorf("attack: %s: %w", o, err)
	}
	k := max(task.Head.Classes(), 2)
	if o.Loss == "dlr-t" && max(o.Rank, 1) > k-1 {
		return nil, fmt.Errorf("attack: %s: the head has %d classes, so at most %d wrong ones", o, k, k-1)
	}
	l := &logitLoss{head: task.Head, labels: labels, classes: k, rank: max(o.Rank, 1), sorted: make([]int, k)}
	l.one = map[string]func([]float64, []float64, int, int) float64{
		"ce": l.crossEntropy, "cw": l.margin, "dlr": l.ratio, "dlr-t": l.targetedRatio,
	}[or(o.Loss, "ce")]
	l.targeted = o.Loss == "dlr-t"
	return l, nil
}

// labels returns the labels of image i, checked against the head.
func (t *Task) labels(i int) ([]int, error) {
	if t == nil || t.Head == nil || t.Labels == nil {
		return nil, ErrNoHead
	}
	k := max(t.Head.Classes(), 2)
	for p, y := range t.Labels[i] {
		if y >= k {
			return nil, fmt.Errorf("the label at position %d is %d, the head has %d classes", p, y, k)
		}
	}
	return t.Labels[i], nil
}

// Judged is a Loss that knows whether the head is fooled.
type Judged interface {
	Loss
	// Fooled reports whether at the last Eval more than half of the labelled positions were wrong.
	Fooled() bool
}

type logitLoss struct {
	head     Classifier
	labels   []int
	classes  int // at least 2
	rank     int
	targeted bool
	targets  []int // per position
	one      func(z, d []float64, y, target int) float64
	logits   []float64 // as two or more classes
	raw, d   []float64
	back     []float64
	sorted   []int
	fooled   bool
}

func (l *logitLoss) Taps() (adv, ref []encoder.Tap) {
	if l.targeted {
		return l.head.Taps(), l.head.Taps()
	}
	return l.head.Taps(), nil
}

// Reference finds the target classes at the clean image.
func (l *logitLoss) Reference(ref []*tensor.Dense) error {
	if err := l.read(ref); err != nil {
		return err
	}
	l.targets = l.targets[:0]
	for p, y := range l.labels {
		z, skip := l.logits[p*l.classes:][:l.classes], 0
		l.order(z)
		target := 0
		for _, c := range l.sorted {
			if c == y {
				continue
			}
			if skip++; skip == l.rank {
				target = c
				break
			}
		}
		l.targets = append(l.targets, target)
	}
	return nil
}

// read sets logits from the head, a single logit z as (0, z).
func (l *logitLoss) read(acts []*tensor.Dense) error {
	var err error
	if l.raw, err = l.head.Logits(l.raw[:0], acts); err != nil {
		return err
	}
	l.logits = l.raw
	if l.head.Classes() == 1 {
		l.logits = l.back[:0]
		for _, z := range l.raw {
			l.logits = append(l.logits, 0, z)
		}
		l.back = l.logits
	}
	if len(l.logits) != len(l.labels)*l.classes {
		return fmt.Errorf("attack: the head gives %d logits for %d labels of %d classes", len(l.logits), len(l.labels), l.classes)
	}
	return nil
}

func (l *logitLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	if err := l.read(adv); err != nil {
		return 0, err
	}
	if cap(l.d) < len(l.logits) {
		l.d = make([]float64, len(l.logits))
	}
	l.d = l.d[:len(l.logits)]
	clear(l.d)
	total, n, wrong := 0.0, 0, 0
	for p, y := range l.labels {
		if y < 0 {
			continue
		}
		z, d, target := l.logits[p*l.classes:][:l.classes], l.d[p*l.classes:][:l.classes], 0
		if l.targeted {
			target = l.targets[p]
		}
		total += l.one(z, d, y, target)
		n++
		if argmax(z) != y {
			wrong++
		}
	}
	l.fooled = 2*wrong > n
	if n == 0 {
		return 0, errors.New("attack: no position of the head is labelled")
	}
	if cot == nil {
		return total / float64(n), nil
	}
	d := l.d
	if l.head.Classes() == 1 {
		for p := range l.labels {
			d[p] = d[2*p+1]
		}
		d = d[:len(l.labels)]
	}
	for i := range d {
		d[i] /= float64(n)
	}
	return total / float64(n), l.head.VJP(cot, adv, d)
}

func (l *logitLoss) Fooled() bool { return l.fooled }

// argmax returns the largest entry, the first of equals.
func argmax(z []float64) int {
	best := 0
	for i, v := range z {
		if v > z[best] {
			best = i
		}
	}
	return best
}
