package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/guard"
)

// Countermeasure is what a user can put around a system: a defence of its encoder, a guard on its scores, or
// both.
type Countermeasure struct {
	Name    string // the expression
	Encoder defense.Defense
	Guard   guard.Guard // nil for none
}

// Undefended is the absent countermeasure, whose trial the others are compared with.
func Undefended() Countermeasure { return Countermeasure{Name: "none", Encoder: defense.None{}} }

// ParseCountermeasure reads an expression of [defense.Parse], of [guard.Parse], or of both joined by +, such as
// jpeg(75)+softmax+round(1). The first name that is no defence begins the guards: noise alone is noise on the
// image, softmax+noise(0.1) on the scores.
func ParseCountermeasure(text string, r defense.Resources) (Countermeasure, error) {
	parts := splitPlus(text)
	k := slices.IndexFunc(parts, func(part string) bool { return !knownDefense(part) && knownGuard(part) })
	if k < 0 {
		k = len(parts)
	}
	c := Countermeasure{Encoder: defense.None{}}
	var names []string
	var err error
	if k > 0 {
		if c.Encoder, err = defense.Parse(strings.Join(parts[:k], "+"), r); err != nil {
			return c, fmt.Errorf("%w; guards on scores: %s", err, strings.Join(guardNames(), ", "))
		}
		names = append(names, c.Encoder.String())
	}
	if k < len(parts) {
		if c.Guard, err = guard.Parse(strings.Join(parts[k:], "+")); err != nil {
			return c, err
		}
		names = append(names, c.Guard.String())
	}
	c.Name = strings.Join(names, "+")
	return c, nil
}

// splitPlus splits at + outside parentheses.
func splitPlus(text string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == '+' && depth == 0:
			out = append(out, text[start:i])
			start = i + 1
		}
	}
	return append(out, text[start:])
}

func nameOf(part string) string {
	name, _, _ := strings.Cut(part, "(")
	return strings.TrimSpace(name)
}

func knownDefense(part string) bool {
	return slices.ContainsFunc(defense.List(), func(e defense.Entry) bool { return e.Name == nameOf(part) })
}

func knownGuard(part string) bool { return slices.Contains(guardNames(), nameOf(part)) }

func guardNames() []string {
	var out []string
	for _, e := range guard.List() {
		out = append(out, e.Name)
	}
	return out
}
