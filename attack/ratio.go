package attack

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Ratio is an exact non-negative rational number such as 8/255. The zero value is not a number: there
// is no default ε.
type Ratio struct{ num, den int64 }

// EpsError says why a text is no perturbation budget.
type EpsError struct {
	Text   string // what was given
	Reason string
}

func (e *EpsError) Error() string {
	return fmt.Sprintf("attack: ε %q: %s", e.Text, e.Reason)
}

// NewRatio returns num/den in lowest terms; it panics unless num ≥ 0 and den > 0.
func NewRatio(num, den int64) Ratio {
	if num < 0 || den <= 0 {
		panic("attack: NewRatio needs num ≥ 0 and den > 0")
	}
	return fromRat(big.NewRat(num, den))
}

func fromRat(r *big.Rat) Ratio { return Ratio{r.Num().Int64(), r.Denom().Int64()} }

// ParseRatio reads "8/255", "0.03", "2" or "1e-3". It rejects anything else with an [*EpsError].
func ParseRatio(s string) (Ratio, error) {
	t := strings.TrimSpace(s)
	fail := func(reason string) (Ratio, error) { return Ratio{}, &EpsError{s, reason} }
	if t == "" {
		return fail("is empty: give a ratio such as 8/255 or a decimal such as 0.03")
	}
	if len(t) > 40 || strings.Trim(t, "0123456789./eE+-") != "" || hugeExponent(t) {
		return fail("is not a number: give a ratio such as 8/255 or a decimal such as 0.03")
	}
	if _, den, ok := strings.Cut(t, "/"); ok && strings.Trim(den, "0.") == "" {
		return fail("has no denominator: give a ratio such as 8/255")
	}
	r, ok := new(big.Rat).SetString(t)
	if !ok {
		return fail("is not a number: give a ratio such as 8/255 or a decimal such as 0.03")
	}
	if r.Sign() < 0 {
		return fail("is negative")
	}
	if !r.Num().IsInt64() || !r.Denom().IsInt64() {
		return fail("has too many digits")
	}
	return fromRat(r), nil
}

// hugeExponent keeps a short text such as 1e999999999 from becoming a number of gigabytes.
func hugeExponent(t string) bool {
	i := strings.LastIndexAny(t, "eE")
	return i >= 0 && len(strings.Trim(t[i+1:], "+-")) > 2
}

// ParseEps reads the budget of an L∞ threat model: more than 0 and at most 1, in [0,1] pixel units.
// It rejects anything else with an [*EpsError].
func ParseEps(s string) (Ratio, error) {
	r, err := ParseRatio(s)
	if err != nil {
		return r, err
	}
	if reason := r.outOfUnit(); reason != "" {
		return Ratio{}, &EpsError{s, reason}
	}
	return r, nil
}

// outOfUnit says why r is no L∞ budget, or nothing.
func (r Ratio) outOfUnit() string {
	switch {
	case r.den == 0:
		return "is missing: give a ratio such as 8/255"
	case r.num == 0:
		return "is zero: the only image allowed would be the clean one"
	case r.num > r.den:
		return "is more than the whole pixel range; pixels are in [0,1], so 8 levels of 255 are written 8/255"
	}
	return ""
}

// IsZero reports whether r was never set or is 0.
func (r Ratio) IsZero() bool { return r.num == 0 || r.den == 0 }

// Float returns the nearest float64; 0 if r was never set.
func (r Ratio) Float() float64 {
	if r.den == 0 {
		return 0
	}
	f, _ := r.rat().Float64()
	return f
}

func (r Ratio) rat() *big.Rat { return big.NewRat(r.num, r.den) }

// Levels returns the largest number of 8-bit levels that r covers: ⌊255·r⌋, exactly.
func (r Ratio) Levels() int {
	if r.den == 0 {
		return 0
	}
	n := new(big.Int).Mul(big.NewInt(255), big.NewInt(r.num))
	n.Quo(n, big.NewInt(r.den))
	if !n.IsInt64() || n.Int64() > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(n.Int64())
}

// String prints k/255 where r is a whole number of 8-bit levels, a short decimal where r is one, and
// otherwise the ratio in lowest terms. [ParseRatio] reads it back.
func (r Ratio) String() string {
	if r.den == 0 {
		return ""
	}
	if r.den == 1 {
		return strconv.FormatInt(r.num, 10)
	}
	if 255%r.den == 0 && r.num <= math.MaxInt64/255 {
		return fmt.Sprintf("%d/255", r.num*(255/r.den))
	}
	if digits, exact := r.rat().FloatPrec(); exact && digits <= 9 {
		return r.rat().FloatString(digits)
	}
	return fmt.Sprintf("%d/%d", r.num, r.den)
}

// MarshalText and UnmarshalText make a Ratio a JSON string such as "8/255".
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Ratio) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*r = Ratio{}
		return nil
	}
	*r, err = ParseRatio(string(b))
	return err
}

// bound compares distances with a ratio exactly.
type bound struct {
	ratio Ratio
	f, up float64 // the nearest float64, and the next one above
}

func newBound(r Ratio) bound {
	f := r.Float()
	return bound{r, f, math.Nextafter(f, math.Inf(1))}
}

// covers reports whether |a−b| ≤ ratio in exact arithmetic. The rounded difference decides except
// within one float64 ulp of the ratio.
func (e bound) covers(a, b float32) bool {
	d := math.Abs(float64(a) - float64(b))
	switch {
	case d < e.f:
		return true
	case d > e.up:
		return false
	}
	x, y := new(big.Rat), new(big.Rat)
	if x.SetFloat64(float64(a)) == nil || y.SetFloat64(float64(b)) == nil {
		return false
	}
	x.Sub(x, y).Abs(x)
	return x.Cmp(e.ratio.rat()) <= 0
}

// coversLevel reports whether |k/255 − x| ≤ ratio in exact arithmetic.
func (e bound) coversLevel(x float32, k int) bool {
	d := new(big.Rat).SetFloat64(float64(x))
	if d == nil {
		return false
	}
	d.Sub(d, big.NewRat(int64(k), 255)).Abs(d)
	return d.Cmp(e.ratio.rat()) <= 0
}
