package main

import "github.com/mmcloughlin/avo/reg"

// rows writes the passes over one row that softmax and the normalisations are made of.
func rows(m *machine) {
	softmax(m)
	moments(m)
	normalize(m)
	normSums(m)
	for k := range 4 {
		normGrad(m, k&1 != 0, k&2 != 0)
	}
}

// float adds up float32 vectors.
func (m *machine) floatSum(acc []vector) vector {
	return m.total(m.sumAll(acc, func(a, b, to reg.VecVirtual) { m.VADDPS(b, a, to) }))
}

func softmax(m *machine) {
	m.kernel("", "expSum", "ExpSum", "func(y, x *float32, shift float32, n int) float32", "computes y = e^(x-shift) and returns Σy.", func() {
		y, x, shift := m.pointer("y"), m.pointer("x"), m.splat("shift")
		acc := m.zeros(2)
		m.each(2, func(u int) {
			e := m.exp(m.sub(m.load(x), shift))
			m.store(e, y)
			m.VADDPS(m.clip(e), acc[u], acc[u])
		})
		m.result(0, m.floatSum(acc))
	})
	m.kernel("", "sumExp", "SumExp", "func(x *float32, shift float32, n int) float32", "returns Σe^(x-shift).", func() {
		x, shift := m.pointer("x"), m.splat("shift")
		acc := m.zeros(2)
		m.each(2, func(u int) { m.VADDPS(m.clip(m.exp(m.sub(m.load(x), shift))), acc[u], acc[u]) })
		m.result(0, m.floatSum(acc))
	})
	m.kernel("", "logSoftmaxGrad", "LogSoftmaxGrad", "func(dx, dy, y *float32, sum float32, n int)", "computes dx = dy - e^y·sum.", func() {
		dx, dy, y, sum := m.pointer("dx"), m.pointer("dy"), m.pointer("y"), m.splat("sum")
		m.each(1, func(int) { m.store(m.fnma(m.exp(m.load(y)), sum, m.load(dy)), dx) })
	})
	m.kernel("", "dotFloat", "DotFloat", "func(x, y *float32, n int) float32", "returns Σx·y accumulated in float32.", func() {
		x, y := m.pointer("x"), m.pointer("y")
		acc := m.zeros(4)
		m.each(4, func(u int) { m.fma(m.load(x), m.load(y), acc[u]) })
		m.result(0, m.floatSum(acc))
	})
	m.kernel("", "softmaxGrad", "SoftmaxGrad", "func(dx, dy, y *float32, dot float32, n int)", "computes dx = y·(dy - dot).", func() {
		dx, dy, y, dot := m.pointer("dx"), m.pointer("dy"), m.pointer("y"), m.splat("dot")
		m.each(2, func(int) { m.store(m.mul(m.load(y), m.sub(m.load(dy), dot)), dx) })
	})
}

func moments(m *machine) {
	m.kernel("", "sumFloat", "SumFloat", "func(x *float32, n int) float32", "returns Σx accumulated in float32.", func() {
		x := m.pointer("x")
		acc := m.zeros(4)
		m.each(4, func(u int) { m.VADDPS(m.load(x), acc[u], acc[u]) })
		m.result(0, m.floatSum(acc))
	})
	m.kernel("", "moments", "Moments", "func(x *float32, mean float32, n int) (sum, square float32)", "returns Σ(x-mean) and Σ(x-mean)².", func() {
		x, mean := m.pointer("x"), m.splat("mean")
		sum, square := m.zeros(2), m.zeros(2)
		m.each(2, func(u int) {
			d := m.clip(m.sub(m.load(x), mean))
			m.VADDPS(d, sum[u], sum[u])
			m.fma(d, d, square[u])
		})
		m.result(0, m.floatSum(sum))
		m.result(1, m.floatSum(square))
	})
}

func normalize(m *machine) {
	m.kernel("", "normalize", "Normalize", "func(y, x *float32, mean, scale, shift float32, n int)", "computes y = (x-mean)·scale + shift.", func() {
		y, x, mean, scale, shift := m.pointer("y"), m.pointer("x"), m.splat("mean"), m.splat("scale"), m.splat("shift")
		m.each(2, func(int) { m.store(m.fma(m.sub(m.load(x), mean), scale, m.move(shift)), y) })
	})
	m.kernel("", "normalizeAffine", "NormalizeAffine", "func(y, x, gamma, beta *float32, mean, scale, shift float32, n int)",
		"computes y = ((x-mean)·scale + shift)·gamma + beta.", func() {
			y, x, gamma, beta := m.pointer("y"), m.pointer("x"), m.pointer("gamma"), m.pointer("beta")
			mean, scale, shift := m.splat("mean"), m.splat("scale"), m.splat("shift")
			m.each(2, func(int) {
				h := m.fma(m.sub(m.load(x), mean), scale, m.move(shift))
				m.store(m.fma(h, m.load(gamma), m.load(beta)), y)
			})
		})
}

// normSums writes Σg and Σg·(x-mean) for g = dy and g = dy·gamma.
func normSums(m *machine) {
	write := func(key, name, doc string, weighted bool) {
		m.kernel("", key, name, "func(dy, x, gamma *float32, mean float32, n int) (sum, dot float32)", doc, func() {
			dy, x, mean := m.pointer("dy"), m.pointer("x"), m.splat("mean")
			var gamma reg.GPVirtual
			if weighted {
				gamma = m.pointer("gamma")
			}
			sum, dot := m.zeros(2), m.zeros(2)
			m.each(2, func(u int) {
				g := m.load(dy)
				if weighted {
					g = m.mul(g, m.load(gamma))
				}
				m.VADDPS(g, sum[u], sum[u])
				m.fma(g, m.clip(m.sub(m.load(x), mean)), dot[u])
			})
			m.result(0, m.floatSum(sum))
			m.result(1, m.floatSum(dot))
		})
	}
	write("normSums", "NormSums", "returns Σdy and Σdy·(x-mean).", false)
	write("normSumsGamma", "NormSumsGamma", "returns Σdy·gamma and Σdy·gamma·(x-mean).", true)
}

// normGrad writes dx = g·scale + (x-mean)·slope + shift, with add added if wanted.
func normGrad(m *machine, weighted, residual bool) {
	name, g, key, rest := "NormGrad", "dy", "0", ""
	if weighted {
		name, g, key = name+"Gamma", "dy·gamma", "1"
	}
	if residual {
		name, rest, key = name+"Add", " + add", map[string]string{"0": "2", "1": "3"}[key]
	}
	doc := "computes dx = " + g + "·scale + (x-mean)·slope + shift" + rest + "."
	m.kernel("normGrad", key, name, "func(dx, dy, x, gamma, add *float32, mean, scale, slope, shift float32, n int)", doc, func() {
		dx, dy, x := m.pointer("dx"), m.pointer("dy"), m.pointer("x")
		mean, scale, slope, shift := m.splat("mean"), m.splat("scale"), m.splat("slope"), m.splat("shift")
		var gamma, add reg.GPVirtual
		if weighted {
			gamma = m.pointer("gamma")
		}
		if residual {
			add = m.pointer("add")
		}
		m.each(2, func(int) {
			d := m.fma(m.sub(m.load(x), mean), slope, m.move(shift))
			g := m.load(dy)
			if weighted {
				g = m.mul(g, m.load(gamma))
			}
			m.fma(g, scale, d)
			if residual {
				d = m.add(d, m.load(add))
			}
			m.store(d, dx)
		})
	})
}
