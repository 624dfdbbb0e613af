package attack

import (
	"fmt"
	"math"
)

// Schedule scales the step size over the run.
type Schedule interface {
	// Factor is the multiple of the step size at step k of n, both counted from 0.
	Factor(k, n int) float64
	String() string
}

var (
	_ = schedules.add("constant", "the same step size throughout", func(*Args) Schedule { return Constant{} })
	_ = schedules.add("linear", "from the full step size down to a share of it", func(a *Args) Schedule {
		return Linear{a.Float("end", 0.1, 0, 1)}
	})
	_ = schedules.add("cosine", "half a cosine from the full step size down to a share of it", func(a *Args) Schedule {
		return Cosine{a.Float("end", 0.1, 0, 1)}
	})
)

// Constant keeps the step size.
type Constant struct{}

func (Constant) String() string { return "constant()" }

// Factor implements Schedule.
func (Constant) Factor(int, int) float64 { return 1 }

// Linear lowers the step size linearly to End times the first.
type Linear struct{ End float64 }

func (s Linear) String() string { return fmt.Sprintf("linear(end=%s)", num(s.End)) }

// Factor implements Schedule.
func (s Linear) Factor(k, n int) float64 { return 1 - (1-s.End)*progress(k, n) }

// Cosine lowers the step size along half a cosine to End times the first.
type Cosine struct{ End float64 }

func (s Cosine) String() string { return fmt.Sprintf("cosine(end=%s)", num(s.End)) }

// Factor implements Schedule.
func (s Cosine) Factor(k, n int) float64 {
	return s.End + (1-s.End)*(1+math.Cos(math.Pi*progress(k, n)))/2
}

func progress(k, n int) float64 {
	if n < 2 {
		return 0
	}
	return float64(k) / float64(n-1)
}
