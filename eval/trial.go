package eval

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// Trial is the evaluation of one defence by attackers who know it, made by [Adversity.Trial]: the defended
// systems answer to the files of the plan's own attacks, and to attacks that were crafted for them alone. It
// has a journal and pictures of its own.
type Trial struct {
	head     trialHead
	encoder  encoder.Encoder // defended, as the judge runs it; its first draw where it is random
	plain    encoder.Encoder // undefended
	groups   []Group         // one per draw of the judge
	attempts []Attempt       // crafted for this defence
}

// trialHead is what a trial's journal says about it.
type trialHead struct {
	Defence   string   `json:"defence"`
	Systems   []string `json:"systems"` // the undefended systems, in the order of each draw's
	Draws     int      `json:"draws"`
	Random    bool     `json:"random"`    // as the defence declares
	Repeats   bool     `json:"repeats"`   // two equal questions had equal answers
	Surrogate string   `json:"surrogate"` // as the defence declares
	Guard     string   `json:"guard,omitempty"`
}

// Group is the defended systems, as the judge's first draw sees them.
func (t *Trial) Group() Group { return t.groups[0] }

// folder is where the k-th trial's files are, below the run's folder.
func (t *Trial) folder(k int) string {
	return path.Join("defences", fmt.Sprintf("%02d-%.60s", k, safeName(t.head.Defence)))
}

// validateTrials checks each trial as the plan that it will be.
func (p *Plan) validateTrials() error {
	seen := map[string]bool{}
	for k, t := range p.Trials {
		if seen[t.head.Defence] {
			return fmt.Errorf("eval: defence %s is listed twice", t.head.Defence)
		}
		seen[t.head.Defence] = true
		if err := p.trialPlan(k, "").Validate(); err != nil {
			return fmt.Errorf("defence %s: %w", t.head.Defence, err)
		}
	}
	return nil
}

// trialPlan is the k-th trial as a plan. dir is the folder of the whole run, which holds the files of the
// attacks on the undefended encoder.
func (p *Plan) trialPlan(k int, dir string) *Plan {
	t := p.Trials[k]
	sub := *p
	sub.parent, sub.parentDir = p, dir
	sub.Title, sub.Trials, sub.Gaps, sub.trial = t.head.Defence, nil, nil, t
	sub.Encoder, sub.Groups = t.encoder, t.groups
	sub.Attempts = nil
	for i, a := range p.Attempts {
		if a.saved = i + 1; a.System != "" {
			continue // crafted against an undefended system alone
		}
		switch {
		case a.System != "":
			continue // its images are for one undefended system
		case a.Role != "" || a.Kind == "noise":
		case a.Source != nil:
			a.Role = report.RoleTransfer
		default:
			a.Role = report.RolePlain
		}
		sub.Attempts = append(sub.Attempts, a)
	}
	sub.Attempts = append(sub.Attempts, t.attempts...)
	return &sub
}

// whole is the plan that a trial belongs to, or the plan itself.
func (p *Plan) whole() *Plan {
	if p.parent != nil {
		return p.parent
	}
	return p
}

// pairs counts images times attacks, over all trials.
func (p *Plan) pairs() int {
	mine := 0
	for i := range p.Data.Samples {
		if p.mine(i) {
			mine++
		}
	}
	n := mine * (1 + len(p.Attempts))
	for _, t := range p.Trials {
		n += mine * (1 + p.shared() + len(t.attempts))
	}
	return n
}

// shared counts the attempts whose images every system is shown.
func (p *Plan) shared() int {
	n := 0
	for _, a := range p.Attempts {
		if a.System == "" {
			n++
		}
	}
	return n
}

// on names the encoder that an attempt follows, where it is not the attacked one.
func (a Attempt) on() string {
	if a.Source == nil {
		return ""
	}
	return a.Source.Spec().Name
}

// atLeast gives an attack n steps, if it takes steps and fewer.
func atLeast(a attack.Attack, n int) (attack.Attack, error) {
	own := 0
	if _, after, ok := strings.Cut(a.String(), "steps="); ok {
		if _, err := fmt.Sscanf(after, "%d", &own); err != nil {
			return nil, err
		}
	}
	if own == 0 || own >= n {
		return a, nil
	}
	return attack.With(a, fmt.Sprintf("steps=%d", n))
}

// budgets are the thresholds of a plan's attempts, each once.
func budgets(attempts []Attempt) []attack.ThreatModel {
	var out []attack.ThreatModel
	for _, a := range attempts {
		if !slices.ContainsFunc(out, func(t attack.ThreatModel) bool { return t.String() == a.Threat.String() }) {
			out = append(out, a.Threat)
		}
	}
	return out
}
