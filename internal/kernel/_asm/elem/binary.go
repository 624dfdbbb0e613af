package main

// binaries writes rows of a broadcast: both operands vectors, or one of them a single number.
func binaries(m *machine) {
	compare := func(predicate int) func(x, y vector) vector {
		return func(x, y vector) vector { return m.choose(predicate, x, y, m.constant(1), m.zero()) }
	}
	for _, b := range []struct {
		name     string
		f        func(x, y vector) vector
		commutes bool
	}{
		{"Add", m.add, true}, {"Sub", m.sub, false}, {"Mul", m.mul, true}, {"Div", m.div, false},
		{"Min", func(x, y vector) vector { return m.choose(isUnordered, x, x, x, m.min(x, y)) }, true},
		{"Max", func(x, y vector) vector { return m.choose(isUnordered, x, x, x, m.max(x, y)) }, true},
		{"PRelu", func(x, y vector) vector { return m.choose(isLess, x, m.zero(), m.mul(x, y), x) }, false},
		{"Equal", compare(isEqual), true}, {"NotEqual", compare(isNotEqual), true},
		{"Less", compare(isLess), false}, {"LessOrEqual", compare(isLessOrEqual), false},
		{"Greater", compare(isGreater), false}, {"GreaterOrEqual", compare(isGreaterOrEqual), false},
	} {
		m.kernel("binary", b.name, b.name, "func(z, x, y *float32, n int)", "computes z = "+b.name+"(x, y).", func() {
			z, x, y := m.pointer("z"), m.pointer("x"), m.pointer("y")
			m.each(2, func(int) { m.store(b.f(m.load(x), m.load(y)), z) })
		})
		m.kernel("right", b.name, b.name+"Right", "func(z, v *float32, s float32, n int)", "computes z = "+b.name+"(v, s) for every v.", func() {
			z, x, y := m.pointer("z"), m.pointer("v"), m.splat("s")
			m.each(2, func(int) { m.store(b.f(m.load(x), y), z) })
		})
		if b.commutes {
			continue
		}
		m.kernel("left", b.name, b.name+"Left", "func(z, v *float32, s float32, n int)", "computes z = "+b.name+"(s, v) for every v.", func() {
			z, y, x := m.pointer("z"), m.pointer("v"), m.splat("s")
			m.each(2, func(int) { m.store(b.f(x, m.load(y)), z) })
		})
	}
	m.kernel("", "axpy", "Axpy", "func(y, x *float32, a float32, n int)", "adds a·x to y.", func() {
		y, x, a := m.pointer("y"), m.pointer("x"), m.splat("a")
		m.each(2, func(int) { m.store(m.fma(a, m.load(x), m.load(y)), y) })
	})
}
