package kernel

// CumSum computes running sums along the middle axis of outer × n × inner: y_k = x_0 + … + x_k, without x_k itself if
// exclusive, from the end if reverse. Sums are kept in float64. y may be x.
func CumSum(y, x []float32, outer, n, inner int, exclusive, reverse bool) {
	for o := range outer {
		for i := range inner {
			at, step := o*n*inner+i, inner
			if reverse {
				at, step = at+(n-1)*inner, -inner
			}
			runningSum(y, x, at, step, n, exclusive)
		}
	}
}

func runningSum(y, x []float32, at, step, n int, exclusive bool) {
	var sum float64
	for range n {
		v := float64(x[at])
		if exclusive {
			y[at] = float32(sum)
		}
		sum += v
		if !exclusive {
			y[at] = float32(sum)
		}
		at += step
	}
}
