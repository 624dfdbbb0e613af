package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// Exponential: e^x = 2^n·e^r with n = round(x/ln 2), so |r| ≤ ln 2/2, and e^r = 1 + r + r²·q(r). ln 2 is cut in two
// parts, the first short enough for n·ln2High to be exact. q was fitted for the least relative error of e^r - 1,
// 1.4e-8.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440054690583e-4
)

var expTail = []float64{0.499999981, 0.166665431, 0.0416672023, 0.00836659564, 0.00138825072}

// reduce returns n and r of e^(x+extra); extra may be nil.
func (m *machine) reduce(x vector, extra *vector) (n, r vector) {
	n = m.round(m.mulC(x, math.Log2E), 0)
	r = m.move(x)
	m.fmaC(n, -ln2High, r)
	if extra != nil {
		r = m.add(r, *extra)
	}
	m.fmaC(n, -ln2Low, r)
	return n, r
}

// expM1Reduced returns e^r - 1.
func (m *machine) expM1Reduced(r vector) vector {
	q := m.polynomial(r, expTail)
	return m.fma(q, m.mul(r, r), r)
}

// power2 returns a·2^n, correctly rounded into the subnormal range, for integers n of -250 to 250.
func (m *machine) power2(a, n vector) vector {
	if m.avx512() {
		v := m.vec()
		m.VSCALEFPS(n, a, v)
		return v
	}
	whole, half := m.vec(), m.vec()
	m.VCVTPS2DQ(n, whole)
	m.VPSRAD(operand.Imm(1), whole, half)
	m.VPSUBD(half, whole, whole)
	return m.mul(m.mul(a, m.exponent(half)), m.exponent(whole))
}

// exponent returns 2^n for integers n of -126 to 127 held as such. It overwrites n.
func (m *machine) exponent(n vector) vector {
	m.VPADDD(m.bits(127), n, n)
	m.VPSLLD(operand.Imm(23), n, n)
	return n
}

// Beyond these e^x is +Inf and 0 in float32.
const expLow, expHigh = -105, 89

// exp returns e^x.
func (m *machine) exp(x vector) vector { return m.expBounded(m.bound(x, expLow, expHigh)) }

// expBounded is exp for |x| below 120.
func (m *machine) expBounded(x vector) vector {
	n, r := m.reduce(x, nil)
	return m.power2(m.addC(m.expM1Reduced(r), 1), n)
}

// tanh is (e^2x - 1)/(e^2x + 1), where e^2x - 1 = 2^n·(e^r - 1) + (2^n - 1) keeps the relative accuracy near 0.
func (m *machine) tanh(x vector) vector {
	n, r := m.reduce(m.bound(m.add(x, x), -20, 20), nil)
	scale := m.power2(m.constant(1), n)
	e := m.addC(scale, -1)
	m.fma(scale, m.expM1Reduced(r), e)
	return m.div(e, m.addC(e, 2))
}

// gate returns x·σ(s), given -s.
func (m *machine) gate(x, negated vector) vector { return m.div(x, m.addC(m.exp(negated), 1)) }

func (m *machine) sigmoid(x vector) vector { return m.gate(m.constant(1), m.xor(x, signBits)) }

// sigmoidSlope is the derivative of σ at cx: e/(1+e)² with e = e^-|cx|, which keeps the relative accuracy far from 0.
func (m *machine) sigmoidSlope(x vector, c float64) vector {
	e := m.exp(m.mulC(m.and(x, absBits), -c))
	d := m.addC(e, 1)
	return m.div(e, m.mul(d, d))
}

// gateSlope is the derivative of x·σ(s(x)), σ·(1 + (1-σ)·t) with t = x·s'(x), given -s bounded to ±88 and t by a
// function, in which 1-σ is e·σ with e = e^-s, because a difference would lose what t then magnifies.
func (m *machine) gateSlope(negated vector, t func() vector) vector {
	e := m.expBounded(negated)
	s := m.div(m.constant(1), m.addC(e, 1))
	return m.mul(s, m.fma(m.mul(e, s), t(), m.constant(1)))
}

// linearGateSlope is the derivative of x·σ(cx).
func (m *machine) linearGateSlope(x vector, c float64) vector {
	s := m.bound(m.mulC(x, c), -88, 88)
	return m.gateSlope(m.xor(s, signBits), func() vector { return s })
}

const (
	geluTanhScale = 1.5957691216057307 // 2√(2/π)
	geluTanhCube  = 0.044715
)

// geluTanhGate returns -2√(2/π)·(x + 0.044715x³).
func (m *machine) geluTanhGate(x vector) vector {
	g := m.mul(x, x)
	return m.mul(x, m.addC(m.mulC(g, -geluTanhScale*geluTanhCube), -geluTanhScale))
}

func (m *machine) geluTanh(x vector) vector { return m.gate(x, m.geluTanhGate(x)) }

// geluTanhSlope stops at |x| = 9.9, where it is 0 or 1.
func (m *machine) geluTanhSlope(x vector) vector {
	x = m.bound(x, -9.9, 9.9)
	return m.gateSlope(m.geluTanhGate(x), func() vector {
		return m.mul(x, m.addC(m.mulC(m.mul(x, x), 3*geluTanhScale*geluTanhCube), geluTanhScale))
	})
}

// The tail of the normal distribution, Q(t) = 1 - Φ(t), is e^(-t²/2)·R(t), where R is smooth: the ratio of these
// polynomials with positive coefficients has it to a relative 5.8e-9 for 0 ≤ t ≤ 14.3, beyond which Q is 0.
var (
	tailAbove = []float64{0.500000003, 0.437884117, 0.182930552, 0.0405304788, 0.0041010365}
	tailBelow = []float64{1, 1.6736532, 1.20123847, 0.468666473, 0.101601432, 0.0102796508}
)

// normalTail returns Q(t) and e^(-a²·scale) for t = a·√(2·scale), a ≥ 0. The square is carried in two parts, because
// its rounding would be the error of the exponential.
func (m *machine) normalTail(a, t vector, scale float64) (q, e vector) {
	high := m.mul(a, a)
	low := m.move(high)
	m.VFMSUB231PS(a, a, low)
	// low holds a² - high now.
	extra := m.mulC(low, -scale)
	n, r := m.reduce(m.mulC(high, -scale), &extra)
	e = m.power2(m.addC(m.expM1Reduced(r), 1), n)
	ratio := m.div(m.polynomial(t, tailAbove), m.polynomial(t, tailBelow))
	return m.mul(e, ratio), e
}

// normal returns the normal distribution function Φ(x) and e^(-x²/2).
func (m *machine) normal(x vector) (cdf, e vector) {
	t := m.min(m.constant(14.5), m.and(x, absBits))
	q, e := m.normalTail(t, t, 0.5)
	return m.bySign(x, q, m.sub(m.constant(1), q)), e
}

func (m *machine) gelu(x vector) vector {
	cdf, _ := m.normal(x)
	return m.mul(x, cdf)
}

func (m *machine) geluSlope(x vector) vector {
	cdf, e := m.normal(x)
	return m.fma(x, m.mulC(e, 1/math.Sqrt(2*math.Pi)), cdf)
}

// erfSmall is erf(x)/x in powers of x², to a relative 1.3e-9 for |x| ≤ 1.
var erfSmall = []float64{1.12837917, -0.376126258, 0.112835852, -0.0268538125, 0.00518832863, -0.000801020108, 7.85388409e-05}

func (m *machine) erf(x vector) vector {
	a := m.min(m.constant(10), m.and(x, absBits))
	q, _ := m.normalTail(a, m.mulC(a, math.Sqrt2), 1)
	far := m.withSign(m.sub(m.constant(1), m.add(q, q)), x)
	near := m.mul(x, m.polynomial(m.mul(x, x), erfSmall))
	return m.choose(isLess, a, m.constant(1), near, far)
}

// erfSlope is 2/√π·e^(-x²), the square carried in two parts.
func (m *machine) erfSlope(x vector) vector {
	x = m.bound(x, -10.3, 10.3)
	high := m.mul(x, x)
	low := m.move(high)
	m.VFMSUB231PS(x, x, low)
	extra := m.xor(low, signBits)
	n, r := m.reduce(m.xor(high, signBits), &extra)
	return m.mulC(m.power2(m.addC(m.expM1Reduced(r), 1), n), 2/math.SqrtPi)
}

func (m *machine) hardSigmoid(x vector) vector {
	return m.bound(m.step(m.move(x), m.constant(1.0/6), 0.5), 0, 1)
}

// hardSigmoidSlope is 1/6 between -3 and 3, and keeps NaN.
func (m *machine) hardSigmoidSlope(x vector) vector {
	s := m.choose(isLess, m.and(x, absBits), m.constant(3), m.constant(1.0/6), m.zero())
	return m.choose(isUnordered, x, x, x, s)
}
