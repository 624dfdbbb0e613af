package defense

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/audit"
)

// Opinion is what a system says about a picture.
type Opinion struct {
	Label      string `json:"label"`
	Confidence Number `json:"confidence"`
}

// System looks at one picture, 3×H×W in [0,1].
type System func(ctx context.Context, image *tensor.Dense) (Opinion, error)

// Rule turns a detector's score into an action: above Person the picture goes to a person, above Stop the line halts. +Inf
// means never.
type Rule struct {
	Detector Detector
	Person   float64
	Stop     float64
}

// MonitorConfig says what a Monitor watches. Only System is required.
type MonitorConfig struct {
	System     System
	Second     System  // another system, best on another encoder, whose label must agree
	Disagree   Action  // what happens when it does not; Pass records it only
	Confidence float64 // answers less confident go to a person; 0 lets all through
	Rules      []Rule
	Rates      []RateAlarm
	Latch      bool             // after Stop every picture is stopped until Release
	Stopped    bool             // the line is stopped from the start, as it was when an earlier process ended; needs Latch
	Log        *audit.Log       // every decision is in it before Inspect returns; nil keeps none
	Now        func() time.Time // clock; nil is time.Now
}

// Item is a picture on the line.
type Item struct {
	ID    string
	Image *tensor.Dense
}

// Score is one detector's score.
type Score struct {
	Detector string `json:"detector"`
	Score    Number `json:"score"`
}

// Decision is what the monitor made of one picture and why.
type Decision struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	Image   string    `json:"image"` // SHA-256 of size and pixels
	Action  Action    `json:"action"`
	Reasons []string  `json:"reasons,omitempty"` // what raised the action above pass
	Opinion Opinion   `json:"opinion"`
	Second  *Opinion  `json:"second,omitempty"`
	Scores  []Score   `json:"scores,omitempty"`
}

// raise makes the action at least a.
func (d *Decision) raise(a Action, format string, v ...any) {
	if a > Pass {
		d.Action = max(d.Action, a)
		d.Reasons = append(d.Reasons, fmt.Sprintf(format, v...))
	}
}

// Monitor decides picture by picture whether a system's answer is accepted. It fails safe: a check that fails or gives no
// number sends the picture to a person, and a decision that cannot be logged is an error that says stop. It is safe for
// concurrent use.
type Monitor struct {
	cfg     MonitorConfig
	mu      sync.Mutex
	rates   []rate
	stopped bool
}

// NewMonitor checks the configuration.
func NewMonitor(c MonitorConfig) (*Monitor, error) {
	if c.System == nil {
		return nil, errors.New("defense: monitor: no system to watch")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Disagree < Pass || c.Disagree > Stop {
		return nil, fmt.Errorf("defense: monitor: %v on disagreement", c.Disagree)
	}
	if math.IsNaN(c.Confidence) {
		return nil, errors.New("defense: monitor: the least confidence is not a number")
	}
	for i, r := range c.Rules {
		if r.Detector == nil || math.IsNaN(r.Person) || math.IsNaN(r.Stop) {
			return nil, fmt.Errorf("defense: monitor: rule %d lacks a detector or a threshold", i)
		}
	}
	if c.Stopped && !c.Latch {
		return nil, errors.New("defense: monitor: a line can be stopped from the start only with a latch")
	}
	m := &Monitor{cfg: c, stopped: c.Stopped}
	for _, a := range c.Rates {
		if err := a.validate(); err != nil {
			return nil, err
		}
		m.rates = append(m.rates, rate{alarm: a})
	}
	return m, nil
}

// Inspect decides about one picture. The error is for a cancelled context, a picture that is none, and a decision that
// could not be logged; the decision then says stop.
func (m *Monitor) Inspect(ctx context.Context, it Item) (Decision, error) {
	d := Decision{ID: it.ID}
	pic, err := PictureOf(it.Image)
	if err != nil {
		d.raise(Stop, "no picture: %v", err)
		return d, fmt.Errorf("defense: monitor: %s: %w", it.ID, err)
	}
	d.Image = pic.digest()
	m.ask(ctx, it.Image, &d)
	m.detect(ctx, it.Image, &d)
	if err := ctx.Err(); err != nil {
		d.raise(Stop, "cancelled")
		return d, err
	}
	return m.settle(d)
}

// Refuse sends a picture that could not be read to a person, for the reason given. It counts for the rates and is logged
// like any other; the error says that it could not be logged, and the decision then says stop.
func (m *Monitor) Refuse(id string, reason error) (Decision, error) {
	d := Decision{ID: id}
	d.raise(Person, "unreadable: %v", reason)
	return m.settle(d)
}

// ask compares the opinions of the two systems.
func (m *Monitor) ask(ctx context.Context, image *tensor.Dense, d *Decision) {
	var err error
	if d.Opinion, err = m.cfg.System(ctx, image); err != nil {
		d.raise(Person, "the system failed: %v", err)
		return
	}
	if c := float64(d.Opinion.Confidence); !(c >= m.cfg.Confidence) {
		d.raise(Person, "confidence %.4g is below %.4g", c, m.cfg.Confidence)
	}
	if m.cfg.Second == nil {
		return
	}
	second, err := m.cfg.Second(ctx, image)
	if err != nil {
		d.raise(Person, "the second system failed: %v", err)
		return
	}
	d.Second = &second
	if second.Label != d.Opinion.Label {
		d.raise(m.cfg.Disagree, "the second system says %q, not %q", second.Label, d.Opinion.Label)
	}
}

// detect applies the rules.
func (m *Monitor) detect(ctx context.Context, image *tensor.Dense, d *Decision) {
	for _, r := range m.cfg.Rules {
		name := r.Detector.String()
		s, err := r.Detector.Scores(ctx, []*tensor.Dense{image})
		if err == nil && len(s) != 1 {
			err = fmt.Errorf("%d scores for one picture", len(s))
		}
		if err != nil {
			d.raise(Person, "%s failed: %v", name, err)
			continue
		}
		d.Scores = append(d.Scores, Score{name, Number(s[0])})
		switch {
		case math.IsNaN(s[0]):
			d.raise(Person, "%s is not a number", name)
		case s[0] > r.Stop:
			d.raise(Stop, "%s is %.4g, above %.4g", name, s[0], r.Stop)
		case s[0] > r.Person:
			d.raise(Person, "%s is %.4g, above %.4g", name, s[0], r.Person)
		}
	}
}

// settle takes the state of the line into account and logs the decision.
func (m *Monitor) settle(d Decision) (Decision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d.Time = m.cfg.Now().UTC()
	if m.stopped {
		d.raise(Stop, "the line is stopped until somebody releases it")
	}
	own := d.Action
	for i := range m.rates {
		change := m.rates[i].add(d.Time, own)
		if change != "" {
			if err := m.record(map[string]any{"alarm": m.rates[i].alarm.Name, "state": change, "at": d.ID}); err != nil {
				d.raise(Stop, "the log failed")
				return d, err
			}
		}
		if m.rates[i].raised {
			d.raise(m.rates[i].alarm.Then, "rate alarm %s", m.rates[i].alarm.Name)
		}
	}
	m.stopped = m.stopped || (m.cfg.Latch && d.Action == Stop)
	if err := m.record(map[string]any{"decision": d}); err != nil {
		d.raise(Stop, "the log failed")
		return d, err
	}
	return d, nil
}

func (m *Monitor) record(event any) error {
	if m.cfg.Log == nil {
		return nil
	}
	if _, err := m.cfg.Log.Append(event); err != nil {
		return fmt.Errorf("defense: monitor: %w", err)
	}
	return nil
}

// Release ends a latched stop; by names who is responsible and goes into the log.
func (m *Monitor) Release(by string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if by == "" {
		return errors.New("defense: monitor: a release needs a name")
	}
	if err := m.record(map[string]any{"released": by, "was_stopped": m.stopped}); err != nil {
		return err
	}
	m.stopped = false
	return nil
}
