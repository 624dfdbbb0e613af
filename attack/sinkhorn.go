package attack

import "math"

// sinkhorn solves min_T Σ T·cost + reg·Σ T (log T − 1) over plans T ≥ 0 with row sums a and column sums
// b (Cuturi, NeurIPS 2013), in the log domain. It returns the plan and the minimum. The minimum's
// derivative with respect to the cost is the plan.
func sinkhorn(cost, a, b []float64, reg float64) (plan []float64, value float64) {
	n, m := len(a), len(b)
	f, g := make([]float64, n), make([]float64, m)
	for range 10000 {
		for i := range n {
			f[i] = reg*math.Log(a[i]) - reg*logSum(m, func(j int) float64 { return (g[j] - cost[i*m+j]) / reg })
		}
		moved := 0.0
		for j := range m {
			next := reg*math.Log(b[j]) - reg*logSum(n, func(i int) float64 { return (f[i] - cost[i*m+j]) / reg })
			moved = max(moved, math.Abs(next-g[j]))
			g[j] = next
		}
		if moved < 1e-12 {
			break
		}
	}
	plan = make([]float64, n*m)
	for i := range n {
		for j := range m {
			t := math.Exp((f[i] + g[j] - cost[i*m+j]) / reg)
			plan[i*m+j] = t
			value += t*cost[i*m+j] + reg*xlogx(t)
		}
	}
	return plan, value
}

// xlogx is t·(log t − 1), 0 at 0.
func xlogx(t float64) float64 {
	if t <= 0 {
		return 0
	}
	return t * (math.Log(t) - 1)
}

// logSum is log Σ exp(f(k)).
func logSum(n int, f func(int) float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for k := range n {
		top = max(top, f(k))
	}
	for k := range n {
		sum += math.Exp(f(k) - top)
	}
	return top + math.Log(sum)
}
