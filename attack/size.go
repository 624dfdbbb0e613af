package attack

import (
	"fmt"
	"strings"
)

// Size is a step size: absolute in [0,1] pixel units, or a multiple of ε.
type Size struct {
	Factor Ratio
	OfEps  bool // Factor times ε
}

// ParseSize reads "1/255", "0.01", "eps", "eps/4" or "1.25*eps".
func ParseSize(s string) (Size, error) {
	t := strings.TrimSpace(s)
	if f, ok := strings.CutSuffix(t, "*eps"); ok {
		r, err := ParseRatio(f)
		return Size{r, true}, err
	}
	if t == "eps" {
		return Size{NewRatio(1, 1), true}, nil
	}
	if d, ok := strings.CutPrefix(t, "eps/"); ok {
		r, err := ParseRatio("1/" + d)
		return Size{r, true}, err
	}
	r, err := ParseRatio(t)
	if err != nil {
		return Size{}, fmt.Errorf("%w (or a multiple of ε such as eps/4)", err)
	}
	return Size{r, false}, nil
}

// At returns the step size for a budget, in the budget's units.
func (s Size) At(eps Ratio) float64 {
	if s.OfEps {
		return s.Factor.Float() * eps.Float()
	}
	return s.Factor.Float()
}

func (s Size) String() string {
	switch {
	case !s.OfEps:
		return s.Factor.String()
	case s.Factor.num == 1 && s.Factor.den == 1:
		return "eps"
	case s.Factor.num == 1:
		return fmt.Sprintf("eps/%d", s.Factor.den)
	}
	return s.Factor.String() + "*eps"
}
