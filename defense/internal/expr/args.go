package expr

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Args are the arguments of one call while it is built. Builders ask for parameters in positional order.
type Args struct {
	call Call
	used []bool
	pos  int // positional parameters asked for so far
	errs []error
}

// NewArgs starts to read the arguments of c.
func NewArgs(c Call) *Args { return &Args{call: c, used: make([]bool, len(c.args))} }

// Text returns the parameter key: the argument of that key, or the next positional one, or def.
func (a *Args) Text(key, def string) string {
	at := a.pos
	a.pos++
	found := ""
	for i, g := range a.call.args {
		if g.key == key || (g.key == "" && i == at) {
			if a.used[i] || found != "" {
				a.errs = append(a.errs, fmt.Errorf("%s is given twice", key))
			}
			a.used[i] = true
			found = g.value
		}
	}
	if found == "" {
		return def
	}
	return found
}

// Number returns the parameter key as a decimal number or a fraction such as 8/255.
func (a *Args) Number(key string, def float64) float64 {
	text := a.Text(key, "")
	if text == "" {
		return def
	}
	num, den, isRatio := strings.Cut(text, "/")
	v, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
	if err == nil && isRatio {
		var d float64
		d, err = strconv.ParseFloat(strings.TrimSpace(den), 64)
		v /= d
	}
	if err != nil {
		a.errs = append(a.errs, fmt.Errorf("%s: %q is not a number", key, text))
	}
	return v
}

// Integer returns the parameter key as an integer.
func (a *Args) Integer(key string, def int) int {
	text := a.Text(key, "")
	if text == "" {
		return def
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		a.errs = append(a.errs, fmt.Errorf("%s: %q is not an integer", key, text))
	}
	return v
}

// Rest returns the arguments that nobody asked for yet, in order; they must not have keys.
func (a *Args) Rest() []string {
	var out []string
	for i, g := range a.call.args {
		if !a.used[i] && g.key == "" {
			a.used[i] = true
			out = append(out, g.value)
		}
	}
	return out
}

// Finish reports what was wrong with the arguments, including those nobody asked for.
func (a *Args) Finish() error {
	for i, g := range a.call.args {
		if a.used[i] {
			continue
		}
		if g.key != "" {
			a.errs = append(a.errs, fmt.Errorf("no parameter is named %q", g.key))
		} else {
			a.errs = append(a.errs, fmt.Errorf("argument %d (%q) is one too many", i+1, g.value))
		}
	}
	if len(a.errs) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", a.call.Name, errors.Join(a.errs...))
}

// Print prints name(v, …) as Parse reads it back.
func Print(name string, values ...any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case float64:
			parts[i] = number(v)
		default:
			parts[i] = fmt.Sprint(v)
		}
	}
	if len(parts) == 0 {
		return name
	}
	return name + "(" + strings.Join(parts, ",") + ")"
}

// number prints v as a decimal, or as levels/255 where that is the shorter and gives the same number back.
func number(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if level := math.Round(v * 255); len(text) > 7 && level/255 == v {
		return fmt.Sprintf("%.0f/255", level)
	}
	return text
}

// Outside reports that a parameter is not within lo … hi; NaN never is.
func Outside(name, param string, v, lo, hi float64) error {
	if v >= lo && v <= hi {
		return nil
	}
	return fmt.Errorf("defense: %s: %s is %g, want %g…%g", name, param, v, lo, hi)
}

// Odd reports an even window side.
func Odd(name, param string, v int) error {
	if v%2 == 1 {
		return nil
	}
	return fmt.Errorf("defense: %s: %s is %d, want an odd number", name, param, v)
}
