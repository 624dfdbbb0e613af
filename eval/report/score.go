package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Number is a float64 that survives JSON: NaN and infinities are written as strings.
type Number float64

// MarshalJSON writes the shortest decimal that reads back as the same float64.
func (x Number) MarshalJSON() ([]byte, error) {
	v := float64(x)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return json.Marshal(strconv.FormatFloat(v, 'g', -1, 64))
	}
	return json.Marshal(v)
}

// UnmarshalJSON reads a JSON number or one of "NaN", "+Inf", "-Inf".
func (x *Number) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		switch s {
		case "NaN":
			*x = Number(math.NaN())
		case "+Inf":
			*x = Number(math.Inf(1))
		case "-Inf":
			*x = Number(math.Inf(-1))
		default:
			return fmt.Errorf("report: %q is no number", s)
		}
		return nil
	}
	return json.Unmarshal(raw, (*float64)(x))
}

// Finite reports whether x is neither NaN nor infinite.
func (x Number) Finite() bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// Score is an estimate with what is needed to doubt it.
type Score struct {
	Value    Number   `json:"value"`
	Low      Number   `json:"low"` // interval; NaN when none could be computed
	High     Number   `json:"high"`
	Level    Number   `json:"level"`  // confidence of the interval, 0.95
	Method   string   `json:"method"` // wilson, clopper-pearson, bca, newcombe-paired, ...
	N        int      `json:"n"`      // images
	Warnings []string `json:"warnings,omitempty"`
}

// Format prints the estimate alone: percent for shares, two decimals otherwise.
func (m Metric) Format(v Number) string {
	switch {
	case math.IsNaN(float64(v)):
		return "–"
	case m.Share:
		return percent(v) + " %"
	}
	return strconv.FormatFloat(float64(v), 'f', 2, 64)
}

// FormatInterval prints the interval without the estimate, or "" when there is none.
func (m Metric) FormatInterval(s Score) string {
	if !s.Low.Finite() || !s.High.Finite() {
		return ""
	}
	low, high := strconv.FormatFloat(float64(s.Low), 'f', 2, 64), strconv.FormatFloat(float64(s.High), 'f', 2, 64)
	if m.Share {
		low, high = percent(s.Low), percent(s.High)
	}
	if s.Low < 0 {
		return low + " … " + high
	}
	return low + "–" + high
}

func percent(v Number) string {
	p := math.Round(float64(v) * 100)
	if p == 0 {
		p = 0 // no minus sign before zero
	}
	return strconv.FormatFloat(p, 'f', 0, 64)
}
