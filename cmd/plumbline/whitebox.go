package main

import (
	"strings"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// whiteBoxName begins an attack of the configuration that goes against every system on its own, with the
// system's gradient: white-box, or white-box(ATTACK) with any attack on labels.
const whiteBoxName = "white-box"

func isWhiteBox(text string) bool {
	return text == whiteBoxName || strings.HasPrefix(text, whiteBoxName+"(") && strings.HasSuffix(text, ")")
}

// whiteBoxAttack is the attack in the parentheses, 20 steps of APGD by default. It never stops at the first
// wrong answer: a mask or a caption that is wrong can become worse, and rounding can undo what was just enough.
func (c config) whiteBoxAttack(text string) (attack.Attack, string, error) {
	inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, whiteBoxName), "("), ")")
	if inner == "" {
		inner = "apgd"
		if c.Steps == 0 {
			inner = "apgd(steps=20)"
		}
	}
	a, err := parseAttack(inner, c.Steps, c.Seed)
	if err == nil && !strings.Contains(inner, "stop=") {
		a, err = with(a, "stop=never")
	}
	return a, inner, err
}

// addWhiteBox adds the white-box attacks of the configuration on every system of the plan that has a gradient.
// A single one is called white-box, several by their whole text.
func (c config) addWhiteBox(plan *eval.Plan) error {
	var texts []string
	for _, text := range c.Attacks {
		if isWhiteBox(text) {
			texts = append(texts, text)
		}
	}
	var without []string
	for _, e := range c.Eps {
		eps, err := attack.ParseEps(e)
		if err != nil {
			return err
		}
		for _, text := range texts {
			a, inner, err := c.whiteBoxAttack(text)
			if err != nil {
				return err
			}
			at := eval.Attempt{Name: text, Attack: a, Threat: attack.Linf(eps), Kind: kindOf(inner)}
			if len(texts) == 1 {
				at.Name = whiteBoxName
			}
			var more []eval.Attempt
			more, without = eval.WhiteBox(at, plan.Groups...)
			plan.Attempts = append(plan.Attempts, more...)
		}
	}
	if len(without) > 0 {
		plan.Gaps = append(plan.Gaps, report.T("gap.no-gradient", strings.Join(without, ", ")))
	}
	return nil
}
