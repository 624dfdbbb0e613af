package kernel

import (
	"fmt"
	"math"
)

// Binary names a function of two numbers.
type Binary uint8

// The functions Broadcast.Apply computes. Comparisons and logic give 1 or 0; logic takes every non-zero as true.
const (
	Add            Binary = iota // x + y
	Sub                          // x - y
	Mul                          // x · y
	Div                          // x / y
	Pow                          // x^y
	Min                          // the smaller, NaN if either is
	Max                          // the larger, NaN if either is
	Mod                          // remainder with the sign of x (C's fmod)
	FloorMod                     // remainder with the sign of y (Python's %)
	PRelu                        // x where x ≥ 0, otherwise x · y
	Equal                        // x = y
	NotEqual                     // x ≠ y
	Less                         // x < y
	Greater                      // x > y
	LessOrEqual                  // x ≤ y
	GreaterOrEqual               // x ≥ y
	And                          // both non-zero
	Or                           // either non-zero
	Xor                          // exactly one non-zero
	binaryCount
)

var binaryTable = [binaryCount]struct {
	name  string
	value func(x, y float64) float64
}{
	Add:            {"Add", func(x, y float64) float64 { return x + y }},
	Sub:            {"Sub", func(x, y float64) float64 { return x - y }},
	Mul:            {"Mul", func(x, y float64) float64 { return x * y }},
	Div:            {"Div", func(x, y float64) float64 { return x / y }},
	Pow:            {"Pow", math.Pow},
	Min:            {"Min", func(x, y float64) float64 { return min(x, y) }},
	Max:            {"Max", func(x, y float64) float64 { return max(x, y) }},
	Mod:            {"Mod", math.Mod},
	FloorMod:       {"FloorMod", floorMod},
	PRelu:          {"PRelu", prelu},
	Equal:          {"Equal", func(x, y float64) float64 { return indicator(x == y) }},
	NotEqual:       {"NotEqual", func(x, y float64) float64 { return indicator(x != y) }},
	Less:           {"Less", func(x, y float64) float64 { return indicator(x < y) }},
	Greater:        {"Greater", func(x, y float64) float64 { return indicator(x > y) }},
	LessOrEqual:    {"LessOrEqual", func(x, y float64) float64 { return indicator(x <= y) }},
	GreaterOrEqual: {"GreaterOrEqual", func(x, y float64) float64 { return indicator(x >= y) }},
	And:            {"And", func(x, y float64) float64 { return indicator(x != 0 && y != 0) }},
	Or:             {"Or", func(x, y float64) float64 { return indicator(x != 0 || y != 0) }},
	Xor:            {"Xor", func(x, y float64) float64 { return indicator((x != 0) != (y != 0)) }},
}

// String returns the constant's name.
func (b Binary) String() string {
	if b < binaryCount {
		return binaryTable[b].name
	}
	return fmt.Sprintf("Binary(%d)", uint8(b))
}

func floorMod(x, y float64) float64 {
	m := math.Mod(x, y)
	if m != 0 && (m < 0) != (y < 0) {
		m += y
	}
	return m
}

func prelu(x, y float64) float64 {
	if x < 0 {
		return x * y
	}
	return x
}

// binaryReference computes one row; dx and dy are 1, or 0 for an operand that is a single number.
func binaryReference[T Float](b Binary, z, x []T, dx int, y []T, dy int) {
	value := binaryTable[b].value
	for i := range z {
		z[i] = T(value(float64(x[i*dx]), float64(y[i*dy])))
	}
}

// binaryRow is binaryReference with fast paths. The arithmetic gives the same bits on every path.
func binaryRow(b Binary, z, x []float32, dx int, y []float32, dy int) {
	if binaryFast(b, z, x, dx, y, dy) {
		return
	}
	switch b {
	case Add:
		for i := range z {
			z[i] = x[i*dx] + y[i*dy]
		}
	case Sub:
		for i := range z {
			z[i] = x[i*dx] - y[i*dy]
		}
	case Mul:
		for i := range z {
			z[i] = x[i*dx] * y[i*dy]
		}
	case Div:
		for i := range z {
			z[i] = x[i*dx] / y[i*dy]
		}
	default:
		binaryReference(b, z, x, dx, y, dy)
	}
}
