// Package kernel computes the operators of a vision encoder on contiguous float32 slices.
//
// One operator is one file. Each has a reference in plain Go, written once over float32 and float64
// (in float64 it is the oracle of the tests), and, where it pays, assembly chosen by the processor.
//
// Kernels allocate nothing, take their scratch from the caller and never start goroutines: where work can be
// split, a caller hands each worker a range of rows or elements. The result of an element does not depend on
// how its range was cut: vector tails run through the same masked instructions as full vectors, and sums are
// formed row by row in a fixed order.
//
// Lengths are the caller's duty (the graph has checked shapes before a kernel runs); a slice that is too short
// panics with Go's bounds error, none is read or written past its end. NaN and infinities follow IEEE 754 and
// are never replaced, except where a function's comment says so.
package kernel

// Float is the set of types the reference kernels are written over.
type Float interface{ ~float32 | ~float64 }
