package defense

import (
	"errors"
	"fmt"
	"strings"
)

// call is name(arg, …); an argument is key=value or value, its value any text with balanced parentheses.
type call struct {
	name string
	args []arg
}

type arg struct{ key, value string }

const maxExpr = 4096 // bytes

func parseChain(expr string) ([]call, error) {
	if len(expr) > maxExpr {
		return nil, fmt.Errorf("longer than %d bytes", maxExpr)
	}
	parts, err := split(expr, '+')
	if err != nil {
		return nil, err
	}
	calls := make([]call, len(parts))
	for i, p := range parts {
		if calls[i], err = parseCall(p); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

func parseCall(text string) (call, error) {
	name, rest, open := strings.Cut(text, "(")
	c := call{name: strings.TrimSpace(name)}
	if c.name == "" {
		return c, errors.New("a name is missing")
	}
	if !open {
		return c, nil
	}
	inner, ok := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !ok {
		return c, fmt.Errorf("text after the arguments of %s", c.name)
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

// parseArg splits at = unless it lies inside a nested call.
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

func short(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
