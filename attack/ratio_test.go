package attack

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
)

func TestParseEps(t *testing.T) {
	for text, want := range map[string]string{
		"8/255": "8/255", "16/255": "16/255", "0.03": "0.03", " 4/255 ": "4/255", "1": "1", "1/3": "85/255", "2/7": "2/7", "1e-2": "0.01", "15/255": "15/255",
	} {
		r, err := ParseEps(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if r.String() != want {
			t.Errorf("%q prints %q, want %q", text, r, want)
		}
		if again, err := ParseRatio(r.String()); err != nil || again != r {
			t.Errorf("%q: %v reads back as %v, %v", text, r, again, err)
		}
	}
}

func TestParseEpsRejects(t *testing.T) {
	for text, why := range map[string]string{
		"0": "zero", "0/255": "zero", "-8/255": "negative", "-0.1": "negative", "300/255": "whole pixel range", "8": "whole pixel range",
		"abc": "not a number", "": "empty", "8/0": "no denominator", "8/": "no denominator", "1e999999999": "not a number", "NaN": "not a number",
		"Inf": "not a number", "0x10": "not a number", "8/255/2": "not a number", "0.1234567890123456789012345": "too many digits", strings.Repeat("9", 99): "not a number",
	} {
		_, err := ParseEps(text)
		var e *EpsError
		if !errors.As(err, &e) || !strings.Contains(e.Reason, why) {
			t.Errorf("%q: error %v, want one about %q", text, err, why)
		}
	}
}

func FuzzParseRatio(f *testing.F) {
	for _, s := range []string{"8/255", "0.03", "1e-3", "//", "1e99", "-1", "+.5/3."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRatio(s)
		if err != nil {
			return
		}
		if again, err := ParseRatio(r.String()); err != nil || again != r {
			t.Errorf("%q: %v reads back as %v, %v", s, r, again, err)
		}
	})
}

func TestRatioJSON(t *testing.T) {
	tm := Linf(NewRatio(8, 255))
	b, err := json.Marshal(tm)
	if err != nil || string(b) != `{"norm":"linf","eps":"8/255"}` {
		t.Fatalf("%s %v", b, err)
	}
	var back ThreatModel
	if err := json.Unmarshal(b, &back); err != nil || back.Eps != tm.Eps || back.Norm != tm.Norm {
		t.Errorf("%+v %v", back, err)
	}
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]int{"8/255": 8, "0.03": 7, "1/255": 1, "0.003": 0, "1": 255, "8001/255000": 8} {
		r, err := ParseRatio(text)
		if err != nil || r.Levels() != want {
			t.Errorf("⌊255·%s⌋ = %d, %v; want %d", text, r.Levels(), err, want)
		}
	}
}

// TestReach checks the float32 bounds of the L∞ ball against exact rational arithmetic: the bound is
// within ε, and the next float32 is not.
func TestReach(t *testing.T) {
	for _, text := range []string{"8/255", "1/255", "0.03", "1/4", "0.5", "1", "1/7", "0.001", "3/256"} {
		eps, err := ParseEps(text)
		if err != nil {
			t.Fatal(err)
		}
		e := newBound(eps)
		for k := range 256 {
			for _, x := range []float32{fromLevel(k), float32(k) / 257, float32(k) * 1e-9} {
				checkReach(t, e, x)
			}
		}
	}
}

func checkReach(t *testing.T, e bound, x float32) {
	t.Helper()
	exact := func(y float32) bool {
		d := new(big.Rat).SetFloat64(float64(y))
		d.Sub(d, new(big.Rat).SetFloat64(float64(x))).Abs(d)
		return d.Cmp(e.ratio.rat()) <= 0
	}
	for _, dir := range []float32{-1, 1} {
		y := e.reach(x, dir)
		if !exact(y) || y < 0 || y > 1 {
			t.Errorf("ε %s: from %v the bound %v is outside", e.ratio, x, y)
		}
		if next := nextToward(y, dir); next >= 0 && next <= 1 && exact(next) {
			t.Errorf("ε %s: from %v the bound %v leaves out %v", e.ratio, x, y, next)
		}
	}
}
