package kernel

import "math"

// fold adds a contiguous run of terms to a running result.
func fold[T Float](k Reduce, a accumulator, x []T) float64 {
	if f, ok := any(x).([]float32); ok {
		if v, ok := foldFast(k, a, f); ok {
			return v
		}
	}
	s := a.value
	switch k {
	case Sum, Mean, LogSum:
		for _, v := range x {
			s += float64(v)
		}
	case L1:
		for _, v := range x {
			s += math.Abs(float64(v))
		}
	case L2, SumSquare:
		for _, v := range x {
			s += float64(v) * float64(v)
		}
	default:
		for _, v := range x {
			s = term(k, accumulator{s, a.shift}, float64(v))
		}
	}
	return s
}

// foldColumns adds one term to each of several running results.
func foldColumns[T Float](k Reduce, a []accumulator, x []T) {
	x = x[:len(a)]
	switch k {
	case Sum, Mean, LogSum:
		for j := range a {
			a[j].value += float64(x[j])
		}
	default:
		for j := range a {
			a[j].value = term(k, a[j], float64(x[j]))
		}
	}
}

// term adds one term.
func term(k Reduce, a accumulator, v float64) float64 {
	switch k {
	case Prod:
		return a.value * v
	case ReduceMax:
		return max(a.value, v)
	case ReduceMin:
		return min(a.value, v)
	case L1:
		return a.value + math.Abs(v)
	case L2, SumSquare:
		return a.value + v*v
	case LogSumExp:
		return a.value + math.Exp(v-a.shift)
	}
	return a.value + v
}
