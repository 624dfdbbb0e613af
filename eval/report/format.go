package report

import (
	"math"
	"strconv"

	"github.com/plumbline-ml/plumbline/encoder"
)

func lineNames(lines []series) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Name)
	}
	return out
}

func valueAt(s series, x float64, m Metric) string {
	for i := range s.X {
		if s.X[i] == x {
			return m.Format(Number(s.Y[i]))
		}
	}
	return "–"
}

func highest(lines []series) float64 {
	top := 0.0
	for _, l := range lines {
		for _, v := range append(append([]float64{}, l.Y...), l.High...) {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				top = max(top, v)
			}
		}
	}
	if top == 0 {
		return 1
	}
	return top * 1.05
}

func lowest(lines []series) float64 {
	low := math.Inf(1)
	for _, l := range lines {
		for i, v := range l.Y {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				low = min(low, v, l.Low[i])
			}
		}
	}
	return low
}

func formatLevel(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }

func formatCosine(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	if math.Abs(v) < 0.005 {
		v = 0 // no minus sign before zero
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// formatNumber prints three significant digits, "–" for NaN and "∞" for infinity.
func formatNumber(x Number) string {
	v := float64(x)
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// formatP prints a p value without pretending to more digits than it has.
func formatP(x Number) string {
	switch v := float64(x); {
	case math.IsNaN(v):
		return "–"
	case v < 0.001:
		return "< 0.001"
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}

func layerName(l int) string {
	if l == 0 {
		return string(encoder.Stem)
	}
	return string(encoder.Block(l - 1))
}
