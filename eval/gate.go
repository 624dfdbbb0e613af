package eval

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/attack"
)

// Gate is a condition on the report, for example
//
//	score(system=zero-shot) >= 0.85
//	robust_score(system=zero-shot, attack=prm, eps=4/255) >= 0.60
//	robust_score(attack=worst, eps=4/255) >= 0.60 (interval)
//	drop(system=zero-shot, eps=4/255) <= 0.10 (interval)
//	success(eps=8/255) <= 0.50
//	drop vs baseline <= 0.02 (paired, 95 %)
//
// score is on clean images, robust_score under an attack, drop the clean score minus the attacked one,
// success the share of originally right answers that became wrong, and "drop vs baseline" the score of a
// committed report minus this one's, on clean and attacked images alike. robust_accuracy and accuracy
// are other names of robust_score and score. What is left out of the parentheses stands for everything
// there is: the gate holds only if it holds for each. With "(interval)" or "(paired, N %)" the bad end of
// the interval must keep to the bound, not only the estimate.
type Gate struct {
	Text     string // as written
	quantity string // score, robust_score, drop, success, baseline
	system   string // "" for all
	attack   string // "" for all
	eps      string // "" for all, else as Ratio prints it
	atLeast  bool
	bound    float64
	interval bool
	level    float64 // of a paired interval against a baseline
}

var (
	gateForm     = regexp.MustCompile(`^\s*([a-z_]+)\s*(?:\(([^()]*)\))?\s*(<=|>=|≤|≥)\s*([0-9.eE+-]+)\s*(%?)\s*(?:\(([^()]*)\))?\s*$`)
	baselineForm = regexp.MustCompile(`^\s*drop\s+vs\s+baseline\s*(?:\(([^()]*)\))?\s*(<=|≤)\s*([0-9.eE+-]+)\s*(%?)\s*(?:\(([^()]*)\))?\s*$`)
	pairedForm   = regexp.MustCompile(`^paired\s*,\s*([0-9.]+)\s*%$`)
)

var quantities = map[string]string{
	"score": "score", "accuracy": "score", "robust_score": "robust_score", "robust_accuracy": "robust_score", "drop": "drop", "success": "success",
}

// ParseGate reads a gate.
func ParseGate(text string) (Gate, error) {
	g := Gate{Text: strings.TrimSpace(text), level: level}
	var args, sign, number, unit, mode string
	if m := baselineForm.FindStringSubmatch(text); m != nil {
		g.quantity, args, sign, number, unit, mode = "baseline", m[1], m[2], m[3], m[4], m[5]
	} else if m := gateForm.FindStringSubmatch(text); m != nil {
		g.quantity, args, sign, number, unit, mode = quantities[m[1]], m[2], m[3], m[4], m[5], m[6]
		if g.quantity == "" {
			return g, fmt.Errorf("eval: gate %q: %q is none of score, robust_score, drop, success, drop vs baseline", g.Text, m[1])
		}
	} else {
		return g, fmt.Errorf("eval: gate %q: want for example robust_score(system=zero-shot, attack=worst, eps=4/255) >= 0.80", g.Text)
	}
	g.atLeast = sign == ">=" || sign == "≥"
	var err error
	if g.bound, err = strconv.ParseFloat(number, 64); err != nil {
		return g, fmt.Errorf("eval: gate %q: %q is no number", g.Text, number)
	}
	if unit == "%" {
		g.bound /= 100
	}
	if err := g.parseArgs(args); err != nil {
		return g, err
	}
	return g, g.parseMode(mode)
}

func (g *Gate) parseArgs(text string) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		k, v, ok := strings.Cut(part, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !ok || v == "" {
			return fmt.Errorf("eval: gate %q: %q is not name=value", g.Text, strings.TrimSpace(part))
		}
		switch k {
		case "system":
			g.system = v
		case "attack":
			g.attack = v
		case "eps":
			eps, err := attack.ParseEps(v)
			if err != nil {
				return fmt.Errorf("eval: gate %q: %w", g.Text, err)
			}
			g.eps = eps.String()
		default:
			return fmt.Errorf("eval: gate %q: %q is none of system, attack, eps", g.Text, k)
		}
	}
	if g.quantity == "score" && (g.attack != "" || g.eps != "") {
		return fmt.Errorf("eval: gate %q: score is on clean images; write robust_score for an attack", g.Text)
	}
	return nil
}

func (g *Gate) parseMode(mode string) error {
	mode = strings.TrimSpace(mode)
	if mode == "" {
		return nil
	}
	g.interval = true
	if mode == "interval" {
		return nil
	}
	m := pairedForm.FindStringSubmatch(mode)
	if m == nil || g.quantity != "baseline" {
		return fmt.Errorf("eval: gate %q: %q is neither interval nor, against a baseline, paired, 95 %%", g.Text, mode)
	}
	p, err := strconv.ParseFloat(m[1], 64)
	if err != nil || !(p > 50 && p < 100) {
		return fmt.Errorf("eval: gate %q: a confidence of %s %% is not between 50 and 100", g.Text, m[1])
	}
	g.level = p / 100
	return nil
}

// holds compares a value with the bound.
func (g Gate) holds(v float64) bool {
	if g.atLeast {
		return v >= g.bound
	}
	return v <= g.bound
}

func (g Gate) sign() string {
	if g.atLeast {
		return "≥"
	}
	return "≤"
}
