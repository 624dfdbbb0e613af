// Package expr reads and prints the expressions that name defences and guards: name(value, key=value)+name.
package expr

import (
	"errors"
	"fmt"
	"strings"
)

// Call is name(arg, …); an argument is key=value or value, its value any text with balanced parentheses.
type Call struct {
	Name string
	args []arg
}

type arg struct{ key, value string }

const maxExpr = 4096 // bytes

// Parse reads calls joined by +.
func Parse(expr string) ([]Call, error) {
	if len(expr) > maxExpr {
		return nil, fmt.Errorf("longer than %d bytes", maxExpr)
	}
	parts, err := split(expr, '+')
	if err != nil {
		return nil, err
	}
	calls := make([]Call, len(parts))
	for i, p := range parts {
		if calls[i], err = parseCall(p); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

func parseCall(text string) (Call, error) {
	name, rest, open := strings.Cut(text, "(")
	c := Call{Name: strings.TrimSpace(name)}
	if c.Name == "" {
		return c, errors.New("a name is missing")
	}
	if !open {
		return c, nil
	}
	inner, ok := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !ok {
		return c, fmt.Errorf("text after the arguments of %s", c.Name)
	}
	if strings.TrimSpace(inner) == "" {
		return c, nil
	}
	parts, err := split(inner, ',')
	if err != nil {
		return c, err
	}
	for _, p := range parts {
		c.args = append(c.args, parseArg(p))
	}
	return c, nil
}

// parseArg splits at = unless it lies inside a nested Call.
func parseArg(text string) arg {
	text = strings.TrimSpace(text)
	if key, value, ok := strings.Cut(text, "="); ok && !strings.Contains(key, "(") {
		return arg{strings.TrimSpace(key), strings.TrimSpace(value)}
	}
	return arg{value: text}
}

// split cuts text at sep outside parentheses.
func split(text string, sep byte) ([]string, error) {
	var parts []string
	depth, start := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		case sep:
			if depth == 0 {
				parts = append(parts, text[start:i])
				start = i + 1
			}
		}
		if depth < 0 {
			return nil, fmt.Errorf("position %d: unexpected )", i+1)
		}
	}
	if depth != 0 {
		return nil, errors.New("a ) is missing")
	}
	return append(parts, text[start:]), nil
}

// Short cuts a text for an error message.
func Short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
