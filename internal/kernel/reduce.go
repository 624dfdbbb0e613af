package kernel

import (
	"fmt"
	"math"
)

// Reduce names a way to make one number of many.
type Reduce uint8

// The reductions Reduction.Apply computes, all accumulated in float64.
const (
	Sum       Reduce = iota // Σx
	Mean                    // Σx/n, NaN of nothing
	ReduceMax               // the largest, NaN if any is, -Inf of nothing
	ReduceMin               // the smallest, NaN if any is, +Inf of nothing
	Prod                    // Πx
	L1                      // Σ|x|
	L2                      // √Σx²
	SumSquare               // Σx²
	LogSumExp               // ln Σe^x, shifted by the largest
	LogSum                  // ln Σx
	reduceCount
)

var reduceNames = [reduceCount]string{"Sum", "Mean", "ReduceMax", "ReduceMin", "Prod", "L1", "L2", "SumSquare", "LogSumExp", "LogSum"}

// String returns the constant's name.
func (k Reduce) String() string {
	if k < reduceCount {
		return reduceNames[k]
	}
	return fmt.Sprintf("Reduce(%d)", uint8(k))
}

// columnBlock is how many neighbouring results are accumulated together when a reduced axis is not the last.
const columnBlock = 16

// Reduction is a choice of axes of a shape, planned once. The result has the remaining axes in their order.
type Reduction struct {
	kept, keptStride       []int
	reduced, reducedStride []int // the last reduced axis left out where row is set
	row                    int   // length of the contiguous run that is reduced, 1 if the last axis is kept
	results, terms         int
}

// NewReduction plans a reduction of a shape over axes, each in 0..len(shape)-1 and at most once.
func NewReduction(shape, axes []int) *Reduction {
	drop := make([]bool, len(shape))
	for _, a := range axes {
		drop[a] = true
	}
	r := &Reduction{row: 1}
	for i, s := range contiguous(shape) {
		if drop[i] {
			r.reduced, r.reducedStride = append(r.reduced, shape[i]), append(r.reducedStride, s)
		} else {
			r.kept, r.keptStride = append(r.kept, shape[i]), append(r.keptStride, s)
		}
	}
	r.results, r.terms = count(r.kept), count(r.reduced)
	n := collapse(r.kept, r.keptStride)
	r.kept, r.keptStride = r.kept[:n], r.keptStride[:n]
	n = collapse(r.reduced, r.reducedStride)
	if n > 0 && r.reducedStride[n-1] == 1 {
		n--
		r.row = r.reduced[n]
	}
	r.reduced, r.reducedStride = r.reduced[:n], r.reducedStride[:n]
	return r
}

// Len returns the number of results.
func (r *Reduction) Len() int { return r.results }

// Apply computes y, of Len numbers, from x.
func (r *Reduction) Apply(k Reduce, y, x []float32) { r.ApplyRange(k, y, x, 0, r.results) }

// ApplyRange computes the results lo ≤ i < hi, for callers that split work.
func (r *Reduction) ApplyRange(k Reduce, y, x []float32, lo, hi int) { reduceRange(r, k, y, x, lo, hi) }

func reduceRange[T Float](r *Reduction, k Reduce, y, x []T, lo, hi int) {
	last := len(r.kept) - 1
	if last < 0 || r.keptStride[last] != 1 {
		for i := lo; i < hi; i++ {
			y[i] = T(r.finish(k, reduceOne(r, k, x, offset(i, r.kept, r.keptStride))))
		}
		return
	}
	for lo < hi {
		n := min(hi-lo, r.kept[last]-lo%r.kept[last])
		if reduceColumnsFast(r, k, y[lo:lo+n], x, offset(lo, r.kept, r.keptStride)) {
			lo += n
			continue
		}
		n = min(columnBlock, n)
		reduceColumns(r, k, y[lo:lo+n], x, offset(lo, r.kept, r.keptStride))
		lo += n
	}
}

// accumulator is a running result; shift is what LogSumExp subtracts from every exponent.
type accumulator struct{ value, shift float64 }

func start(k Reduce) float64 {
	switch k {
	case Prod:
		return 1
	case ReduceMax:
		return math.Inf(-1)
	case ReduceMin:
		return math.Inf(1)
	}
	return 0
}

func reduceOne[T Float](r *Reduction, k Reduce, x []T, at int) accumulator {
	a := accumulator{value: start(k)}
	if k == LogSumExp {
		a.shift = finiteOrZero(reduceOne(r, ReduceMax, x, at).value)
	}
	for i, runs := 0, r.runs(); i < runs; i++ {
		from := at + offset(i, r.reduced, r.reducedStride)
		a.value = fold(k, a, x[from:from+r.row])
	}
	return a
}

// runs is how many contiguous runs one result is made of.
func (r *Reduction) runs() int {
	if r.terms == 0 {
		return 0
	}
	return r.terms / r.row
}

func reduceColumns[T Float](r *Reduction, k Reduce, y, x []T, at int) {
	var a [columnBlock]accumulator
	for j := range y {
		a[j].value = start(k)
	}
	if k == LogSumExp {
		for j := range y {
			a[j].shift = finiteOrZero(reduceOne(r, ReduceMax, x, at+j).value)
		}
	}
	for i, runs := 0, r.runs(); i < runs; i++ {
		from := at + offset(i, r.reduced, r.reducedStride)
		foldColumns(k, a[:len(y)], x[from:from+len(y)])
	}
	for j := range y {
		y[j] = T(r.finish(k, a[j]))
	}
}

// finiteOrZero keeps LogSumExp of nothing but -Inf, or with +Inf among its terms, from subtracting infinities.
func finiteOrZero(x float64) float64 {
	if math.IsInf(x, 0) {
		return 0
	}
	return x
}

func (r *Reduction) finish(k Reduce, a accumulator) float64 {
	switch k {
	case Mean:
		return a.value / float64(r.terms)
	case L2:
		return math.Sqrt(a.value)
	case LogSumExp:
		return math.Log(a.value) + a.shift
	case LogSum:
		return math.Log(a.value)
	}
	return a.value
}

// reduceColumnsFast is reduceColumns in assembly, for any number of neighbours and one reduced axis; it reports whether
// it ran.
func reduceColumnsFast[T Float](r *Reduction, k Reduce, y, x []T, at int) bool {
	narrow, ok := any(y).([]float32)
	if !ok || r.terms == 0 || len(r.reduced) != 1 || r.row != 1 {
		return false
	}
	return columnsFast(k, narrow, any(x).([]float32)[at:], r.reducedStride[0], r.reduced[0])
}
