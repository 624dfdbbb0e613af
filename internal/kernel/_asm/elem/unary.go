package main

// unaries writes y[i] = f(x[i]).
func unaries(m *machine) {
	one := func() vector { return m.constant(1) }
	for _, u := range []struct {
		name string
		f    func(x vector) vector
	}{
		{"Neg", func(x vector) vector { return m.xor(x, signBits) }},
		{"Abs", func(x vector) vector { return m.and(x, absBits) }},
		{"Exp", m.exp},
		{"Sqrt", m.sqrt},
		{"Reciprocal", func(x vector) vector { return m.div(one(), x) }},
		{"ReciprocalSqrt", func(x vector) vector { return m.div(one(), m.sqrt(x)) }},
		{"Square", func(x vector) vector { return m.mul(x, x) }},
		{"Tanh", m.tanh},
		{"Sigmoid", m.sigmoid},
		{"Erf", m.erf},
		{"Relu", func(x vector) vector { return m.max(m.zero(), x) }},
		{"GELU", m.gelu},
		{"GELUTanh", m.geluTanh},
		{"QuickGELU", func(x vector) vector { return m.gate(x, m.mulC(x, -1.702)) }},
		{"SiLU", func(x vector) vector { return m.gate(x, m.xor(x, signBits)) }},
		{"HardSigmoid", m.hardSigmoid},
		{"HardSwish", func(x vector) vector { return m.mul(x, m.hardSigmoid(x)) }},
		{"Floor", func(x vector) vector { return m.round(x, 1) }},
		{"Ceil", func(x vector) vector { return m.round(x, 2) }},
		{"Round", func(x vector) vector { return m.round(x, 0) }},
	} {
		m.kernel("unary", u.name, u.name, "func(y, x *float32, n int)", "computes Map for "+u.name+".", func() {
			y, x := m.pointer("y"), m.pointer("x")
			m.each(1, func(int) { m.store(u.f(m.load(x)), y) })
		})
	}
}

// gradients writes dx[i] = dy[i]·f'(x[i]).
func gradients(m *machine) {
	slope := func(f func(x vector) vector) func(dy, x vector) vector {
		return func(dy, x vector) vector { return m.mul(dy, f(x)) }
	}
	for _, u := range []struct {
		name string
		f    func(dy, x vector) vector
	}{
		{"Exp", slope(m.exp)},
		{"Log", m.div},
		{"Square", func(dy, x vector) vector { return m.mul(dy, m.add(x, x)) }},
		{"Sqrt", func(dy, x vector) vector { return m.div(m.mulC(dy, 0.5), m.sqrt(x)) }},
		{"Tanh", slope(func(x vector) vector { return m.mulC(m.sigmoidSlope(x, 2), 4) })},
		{"Sigmoid", slope(func(x vector) vector { return m.sigmoidSlope(x, 1) })},
		{"Erf", slope(m.erfSlope)},
		{"Relu", slope(m.reluSlope)},
		{"GELU", slope(m.geluSlope)},
		{"GELUTanh", slope(m.geluTanhSlope)},
		{"QuickGELU", slope(func(x vector) vector { return m.linearGateSlope(x, 1.702) })},
		{"SiLU", slope(func(x vector) vector { return m.linearGateSlope(x, 1) })},
		{"HardSigmoid", slope(m.hardSigmoidSlope)},
		{"HardSwish", slope(func(x vector) vector { return m.fma(x, m.hardSigmoidSlope(x), m.hardSigmoid(x)) })},
	} {
		m.kernel("unaryGrad", u.name, u.name+"Grad", "func(dx, dy, x *float32, n int)", "computes MapGrad for "+u.name+".", func() {
			dx, dy, x := m.pointer("dx"), m.pointer("dy"), m.pointer("x")
			m.each(1, func(int) { m.store(u.f(m.load(dy), m.load(x)), dx) })
		})
	}
}

// reluSlope is 1 for positive x, 0 for others, and NaN for NaN.
func (m *machine) reluSlope(x vector) vector {
	s := m.choose(isGreater, x, m.zero(), m.constant(1), m.zero())
	return m.choose(isUnordered, x, x, x, s)
}
