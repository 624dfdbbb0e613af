package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/attack"
	_ "github.com/plumbline-ml/plumbline/attack/corrupt" // the attack corrupt
)

// splitList splits at commas that are in no parentheses: "noise,pgd(steps=4,seed=1)" has two parts.
func splitList(lists []string) []string {
	var out []string
	for _, text := range lists {
		depth, start := 0, 0
		for i := 0; i <= len(text); i++ {
			switch {
			case i == len(text) || text[i] == ',' && depth == 0:
				if part := strings.TrimSpace(text[start:i]); part != "" {
					out = append(out, part)
				}
				start = i + 1
			case text[i] == '(':
				depth++
			case text[i] == ')':
				depth--
			}
		}
	}
	return out
}

// parseAttack builds an attack from its expression. Steps (0 for the attack's own number) and the seed
// are put in where the attack has such a parameter and the expression does not give it.
func parseAttack(text string, steps int, seed uint64) (attack.Attack, error) {
	a, err := attack.Parse(text)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(text, "seed=") {
		if a, err = with(a, fmt.Sprintf("seed=%d", seed)); err != nil {
			return nil, err
		}
	}
	if steps != 0 && !strings.Contains(text, "steps=") {
		return with(a, fmt.Sprintf("steps=%d", steps))
	}
	return a, nil
}

// with changes a parameter; an attack without it stays as it is.
func with(a attack.Attack, param string) (attack.Attack, error) {
	b, err := attack.With(a, param)
	var unknown *attack.UnknownError
	if errors.As(err, &unknown) && unknown.Kind == "parameter" {
		return a, nil
	}
	return b, err
}

// blackBox lists the attacks that only see answers.
var blackBox = []string{"square", "simba", "nes", "hopskipjump", "rays"}

// kindOf classifies an attack by its name for the report.
func kindOf(text string) string {
	name, _, _ := strings.Cut(text, "(")
	switch {
	case name == "noise":
		return "noise"
	case name == "corrupt":
		return "corruption"
	case slices.Contains(blackBox, name):
		return "black-box"
	}
	return "gradient"
}
