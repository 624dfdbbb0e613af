package attack

import (
	"errors"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "missing",
		"prm(":                     "missing",
		"prm(steps=3":              "comma",
		"prm(steps=3))":            "unexpected",
		"prmm":                     `did you mean "prm"`,
		"prm(stepz=3)":             `did you mean "steps"`,
		"prm(steps=0)":             "at least 1",
		"prm(steps=many)":          "whole number",
		"prm(7)":                   `unknown value "7"`,
		"prm(steps=3,steps=4)":     "steps",
		"prm(step=mii)":            `did you mean "mi"`,
		"prm(step=mi(mu=NaN))":     "want a number",
		"prm(tokens=none)":         "want one of all, patch, cls",
		"prm(alpha=fast)":          "not a number",
		"pgd(objective=prm(a=1))":  `unknown parameter "a" of prm`,
		strings.Repeat("prm(", 50): "nested",
		strings.Repeat("x", 1<<15): "too long",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q", text, err, want)
		}
	}
	var unknown *UnknownError
	if _, err := Parse("nois"); !errors.As(err, &unknown) || unknown.Kind != "attack" || unknown.Name != "nois" {
		t.Errorf("unknown attack: %v", err)
	}
}

func TestWith(t *testing.T) {
	a, err := Parse("prm(steps=7)")
	if err != nil {
		t.Fatal(err)
	}
	b, err := With(a, "seed=9", "step=ni(mu=0.5)")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"steps=7", "seed=9", "step=ni(mu=0.5)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
	if _, err := With(a, "sede=1"); err == nil || !strings.Contains(err.Error(), `did you mean "seed"`) {
		t.Errorf("unknown parameter: %v", err)
	}
	if _, err := With(a, "seed"); err == nil {
		t.Error("a parameter without value is no error")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"prm", "prm(steps=3,step=mi(mu=0.9))", "gradient(transform=rescale(lo=0.5,hi=1))", "a((", "x(=)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			return
		}
		b, err := Parse(a.String())
		if err != nil || b.String() != a.String() {
			t.Errorf("%q prints %s, which reads as %v, %v", s, a, b, err)
		}
	})
}

func TestParseSize(t *testing.T) {
	eps := NewRatio(8, 255)
	for text, want := range map[string]float64{"1/255": 1. / 255, "eps": 8. / 255, "eps/4": 2. / 255, "1.25*eps": 10. / 255} {
		s, err := ParseSize(text)
		if err != nil || s.At(eps) < want*(1-1e-15) || s.At(eps) > want*(1+1e-15) {
			t.Errorf("%s is %v, %v", text, s.At(eps), err)
		}
		if again, err := ParseSize(s.String()); err != nil || again != s {
			t.Errorf("%s prints %s, which reads as %v, %v", text, s, again, err)
		}
	}
}
