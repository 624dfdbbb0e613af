package main

// unary is a function of one number.
type unary[V any] struct {
	name string
	f    func(x V) V
}

// list returns the functions there are kernels for.
func (m functions[V]) list() []unary[V] {
	return []unary[V]{
		{"Neg", func(x V) V { return m.xor(x, signBits) }},
		{"Abs", func(x V) V { return m.and(x, absBits) }},
		{"Exp", m.expExact},
		{"Sqrt", m.sqrt},
		{"Reciprocal", func(x V) V { return m.div(m.constant(1), x) }},
		{"ReciprocalSqrt", func(x V) V { return m.div(m.constant(1), m.sqrt(x)) }},
		{"Square", func(x V) V { return m.mul(x, x) }},
		{"Tanh", m.tanh},
		{"Sigmoid", m.sigmoid},
		{"Erf", m.erf},
		{"Relu", func(x V) V { return m.max(m.zero(), x) }},
		{"GELU", m.gelu},
		{"GELUTanh", m.geluTanh},
		{"QuickGELU", func(x V) V { return m.gate(x, m.mulC(x, -1.702)) }},
		{"SiLU", func(x V) V { return m.gate(x, m.xor(x, signBits)) }},
		{"Softplus", m.softplus},
		{"Softsign", func(x V) V { return m.div(x, m.addC(m.and(x, absBits), 1)) }},
		{"Mish", m.mish},
		{"HardSigmoid", m.hardSigmoid},
		{"HardSwish", func(x V) V { return m.mul(x, m.hardSigmoid(x)) }},
		{"Floor", func(x V) V { return m.round(x, 1) }},
		{"Ceil", func(x V) V { return m.round(x, 2) }},
		{"Round", func(x V) V { return m.round(x, 0) }},
	}
}

// unaries writes y[i] = f(x[i]).
func unaries(m *machine) {
	for _, u := range m.functions.list() {
		m.kernel("unary", u.name, u.name, "func(y, x *float32, n int)", "computes Map for "+u.name+".", func() {
			y, x := m.pointer("y"), m.pointer("x")
			m.each(1, func(int) { m.store(u.f(m.load(x)), y) })
		})
	}
}

// gradient is dy times the derivative of a function of one number.
type gradient[V any] struct {
	name string
	f    func(dy, x V) V
}

// gradients returns those there are kernels for.
func (m functions[V]) gradients() []gradient[V] {
	slope := func(f func(x V) V) func(dy, x V) V {
		return func(dy, x V) V { return m.mul(dy, f(x)) }
	}
	return []gradient[V]{
		{"Exp", slope(m.expExact)},
		{"Log", m.div},
		{"Square", func(dy, x V) V { return m.mul(dy, m.add(x, x)) }},
		{"Sqrt", func(dy, x V) V { return m.div(m.mulC(dy, 0.5), m.sqrt(x)) }},
		{"Tanh", slope(func(x V) V { return m.mulC(m.sigmoidSlope(x, 2), 4) })},
		{"Sigmoid", slope(func(x V) V { return m.sigmoidSlope(x, 1) })},
		{"Erf", slope(m.erfSlope)},
		{"Relu", slope(m.reluSlope)},
		{"GELU", slope(m.geluSlope)},
		{"GELUTanh", slope(m.geluTanhSlope)},
		{"QuickGELU", slope(func(x V) V { return m.linearGateSlope(x, 1.702) })},
		{"SiLU", slope(func(x V) V { return m.linearGateSlope(x, 1) })},
		{"Softplus", slope(m.sigmoid)},
		{"Softsign", slope(func(x V) V {
			d := m.addC(m.and(x, absBits), 1)
			return m.div(m.constant(1), m.mul(d, d))
		})},
		{"Mish", slope(m.mishSlope)},
		{"HardSigmoid", slope(m.hardSigmoidSlope)},
		{"HardSwish", slope(func(x V) V { return m.fma(m.bound(x, -4, 4), m.hardSigmoidSlope(x), m.hardSigmoid(x)) })},
	}
}

// gradients writes dx[i] = dy[i]·f'(x[i]).
func gradients(m *machine) {
	for _, u := range m.functions.gradients() {
		m.kernel("unaryGrad", u.name, u.name+"Grad", "func(dx, dy, x *float32, n int)", "computes MapGrad for "+u.name+".", func() {
			dx, dy, x := m.pointer("dx"), m.pointer("dy"), m.pointer("x")
			m.each(1, func(int) { m.store(u.f(m.load(dy), m.load(x)), dx) })
		})
	}
}

// pairs are the functions that are computed together with their derivative.
func pairs(m *machine) {
	for _, u := range []struct {
		name string
		f    func(x vector) (y, slope vector)
	}{
		{"GELU", m.geluBoth},
		{"GELUTanh", m.geluTanhBoth},
		{"QuickGELU", func(x vector) (y, slope vector) { return m.linearGateBoth(x, 1.702) }},
		{"SiLU", func(x vector) (y, slope vector) { return m.linearGateBoth(x, 1) }},
	} {
		m.kernel("unaryBoth", u.name, u.name+"Both", "func(y, s, x *float32, n int)", "computes MapBoth for "+u.name+".", func() {
			y, s, x := m.pointer("y"), m.pointer("s"), m.pointer("x")
			m.each(1, func(int) {
				value, slope := u.f(m.load(x))
				m.store(value, y)
				m.store(slope, s)
			})
		})
	}
}

// reluSlope is 1 for positive x, 0 for others, and NaN for NaN.
func (m functions[V]) reluSlope(x V) V {
	s := m.choose(isGreater, x, m.zero(), m.constant(1), m.zero())
	return m.choose(isUnordered, x, x, x, s)
}
