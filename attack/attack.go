package attack

import (
	"context"
	"iter"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Attack crafts adversarial images. Attacks are immutable values, safe for concurrent use.
type Attack interface {
	// Run attacks every image (3×H×W float32 in [0,1]; sizes may differ) within tm. What one image goes
	// wrong with is in its [Outcome]; the error is for what concerns all: a bad threat model, an
	// objective the encoder cannot serve, a cancelled context. On cancel the Result holds the best
	// images so far, all inside tm, and the error is the context's.
	Run(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) (*Result, error)

	// Steps runs the same attack one image after the other and yields every iterate. A caller that stops
	// the loop early stops the attack.
	Steps(ctx context.Context, enc encoder.Encoder, images []*tensor.Dense, tm ThreatModel, opts ...Option) iter.Seq2[Step, error]

	// String prints the expression that Parse rebuilds the attack from, every parameter included.
	String() string
}

// Step is one iterate of an attack on one image.
type Step struct {
	Image   int           // index in the images given
	Restart int           // counted from 0
	Iter    int           // counted from 0
	Value   float64       // the objective at X; larger is worse for the defender
	Best    float64       // the largest value so far on this image
	X       *tensor.Dense // 3×H×W, inside the threat model; the attack's own memory, valid until the next step
}

// Status says how an attack on one image ended.
type Status string

// The ways an attack on one image ends.
const (
	Done      Status = "done"       // all steps taken
	Converged Status = "converged"  // stopped early: no more progress
	Succeeded Status = "succeeded"  // stopped early: the goal was reached
	Cancelled Status = "cancelled"  // the context ended; the image is the best so far
	NonFinite Status = "non-finite" // a NaN or infinity appeared; the image is the best before it
	Failed    Status = "failed"     // an error; see Outcome.Err
)

// Cost counts what an attack spent.
type Cost struct {
	Forwards  int     `json:"forwards"`  // encoder forward passes of one image
	Backwards int     `json:"backwards"` // vector-Jacobian products of one image
	Queries   int     `json:"queries"`   // forwards whose outcome alone was used, as a black-box attacker would
	Seconds   float64 `json:"seconds"`   // time spent on the image; over images, the sum
}

func (c *Cost) add(d Cost) {
	c.Forwards += d.Forwards
	c.Backwards += d.Backwards
	c.Queries += d.Queries
	c.Seconds += d.Seconds
}

// Outcome is what happened to one image.
type Outcome struct {
	Name     string   `json:"name"`
	Status   Status   `json:"status"`
	Value    float64  `json:"value"`  // the objective at the image handed out
	Start    float64  `json:"start"`  // the objective at the first iterate
	Fooled   bool     `json:"fooled"` // the attack saw the task's head give a wrong answer; the judge checks again
	Size     float64  `json:"size"`   // norm of the perturbation, in the units of ε
	Iters    int      `json:"iters"`  // iterations taken over all restarts
	Cost     Cost     `json:"cost"`
	Warnings []string `json:"warnings,omitempty"`
	Err      error    `json:"-"` // why Status is Failed, NonFinite or Cancelled
}

// Result is what an attack hands out.
type Result struct {
	Attack   string          `json:"attack"` // the full expression
	Threat   string          `json:"threat"`
	Adv      []*tensor.Dense `json:"-"` // one per image, always inside the threat model
	Outcomes []Outcome       `json:"outcomes"`

	// Universal is the one perturbation of a universal attack, 3×h×w; nil for others.
	Universal *tensor.Dense `json:"-"`

	Cost     Cost     `json:"cost"`
	Warnings []string `json:"warnings,omitempty"` // each names its image
}
