package main

import "math"

// arithmetic is what the functions are written in, for vectors of type V. Results are in fresh registers unless a method
// says that it puts them into an operand.
type arithmetic[V any] interface {
	constant(c float64) V
	pattern(bits uint32) V
	zero() V
	move(a V) V
	add(a, b V) V
	sub(a, b V) V
	mul(a, b V) V
	div(a, b V) V
	sqrt(a V) V
	min(a, b V) V // b where either is NaN
	max(a, b V) V
	addC(a V, c float64) V
	mulC(a V, c float64) V
	fma(a, b, c V) V                 // puts a·b + c into c
	fnma(a, b, c V) V                // puts c - a·b into c
	fmaC(a V, c float64, r V) V      // puts a·c + r into r
	step(r, x V, c float64) V        // puts r·x + c into r
	and(a V, bits uint32) V          // with a bit pattern
	xor(a V, bits uint32) V          // with a bit pattern
	or(a, b V) V                     // bit by bit
	round(a V, mode uint64) V        // to an integer: 0 nearest even, 1 down, 2 up
	power2(a, n V) V                 // a·2^n for integers n, correctly rounded into the subnormal range
	squareRest(a, square V) V        // a² - square, exactly
	bySign(a, neg, pos V) V          // neg where the sign bit of a is set, otherwise pos
	choose(p int, a, b, yes, no V) V // yes where a and b compare as p says, otherwise no
}

// functions are the functions of one number, on any instruction set.
type functions[V any] struct{ arithmetic[V] }

// bound keeps a between two numbers, and NaN.
func (m functions[V]) bound(a V, lo, hi float64) V {
	return m.max(m.constant(lo), m.min(m.constant(hi), a))
}

// polynomial returns c[0] + c[1]·x + … by Horner's rule.
func (m functions[V]) polynomial(x V, c []float64) V {
	r := m.constant(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		m.step(r, x, c[i])
	}
	return r
}

// withSign returns a, which is not negative, with the sign of b.
func (m functions[V]) withSign(a, b V) V { return m.or(a, m.and(b, signBits)) }

// Exponential: e^x = 2^n·e^r with n = round(x/ln 2), so |r| ≤ ln 2/2, and e^r = 1 + r + r²·q(r). ln 2 is cut in two
// parts, the first short enough for n·ln2High to be exact. q was fitted for the least relative error of e^r - 1,
// 1.4e-8.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440054690583e-4
)

var expTail = []float64{0.499999981, 0.166665431, 0.0416672023, 0.00836659564, 0.00138825072}

// reduce returns n and r of e^(x+extra); extra may be nil.
func (m functions[V]) reduce(x V, extra *V) (n, r V) {
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
func (m functions[V]) expM1Reduced(r V) V {
	q := m.polynomial(r, expTail)
	return m.fma(q, m.mul(r, r), r)
}

// A result below the normal range of float32 costs amd64 some 150 cycles, more than ten vectors of exponentials. So no
// function but expExact makes one: e^x counts as 0 below expLow, where it is 3e-38. Beyond expHigh it is +Inf.
const expLow, expHigh = -86.5, 89

// exp returns e^x, or 0 below expLow.
func (m functions[V]) exp(x V) V { return m.above(expLow, x, m.expNormal(x)) }

// expNormal is exp, but e^expLow below expLow.
func (m functions[V]) expNormal(x V) V { return m.expBounded(m.bound(x, expLow, expHigh)) }

// above returns y where x is at least low, or NaN, otherwise 0.
func (m functions[V]) above(low float64, x, y V) V {
	return m.choose(isLess, x, m.constant(low), m.zero(), y)
}

// expExact is exp with the subnormal numbers. Where even those end, 0 is exponentiated instead and left out.
func (m functions[V]) expExact(x V) V {
	const end = -104
	kept := m.above(end, x, x)
	return m.above(end, x, m.expBounded(m.min(m.constant(expHigh), kept)))
}

// expBounded is exp for |x| below 120.
func (m functions[V]) expBounded(x V) V {
	n, r := m.reduce(x, nil)
	return m.power2(m.addC(m.expM1Reduced(r), 1), n)
}

// tanh is (e^2x - 1)/(e^2x + 1), where e^2x - 1 = 2^n·(e^r - 1) + (2^n - 1) keeps the relative accuracy near 0.
func (m functions[V]) tanh(x V) V {
	n, r := m.reduce(m.bound(m.add(x, x), -20, 20), nil)
	scale := m.power2(m.constant(1), n)
	e := m.addC(scale, -1)
	m.fma(scale, m.expM1Reduced(r), e)
	return m.div(e, m.addC(e, 2))
}

// gate returns x·σ(s), given -s.
func (m functions[V]) gate(x, negated V) V { return m.div(x, m.addC(m.expNormal(negated), 1)) }

func (m functions[V]) sigmoid(x V) V { return m.gate(m.constant(1), m.xor(x, signBits)) }

// sigmoidSlope is the derivative of σ at cx: e/(1+e)² with e = e^-|cx|, which keeps the relative accuracy far from 0.
func (m functions[V]) sigmoidSlope(x V, c float64) V {
	e := m.exp(m.mulC(m.and(x, absBits), -c))
	d := m.addC(e, 1)
	return m.div(e, m.mul(d, d))
}

// gateSlope is the derivative of x·σ(s(x)), σ·(1 + (1-σ)·t) with t = x·s'(x), given -s bounded to ±87 and t by a
// function, in which 1-σ is e·σ with e = e^-s, because a difference would lose what t then magnifies.
func (m functions[V]) gateSlope(negated V, t func() V) V {
	e := m.expBounded(negated)
	s := m.div(m.constant(1), m.addC(e, 1))
	return m.mul(s, m.fma(m.mul(e, s), t(), m.constant(1)))
}

// linearGateSlope is the derivative of x·σ(cx).
func (m functions[V]) linearGateSlope(x V, c float64) V {
	s := m.bound(m.mulC(x, c), -87, 87)
	return m.gateSlope(m.xor(s, signBits), func() V { return s })
}

const (
	geluTanhScale = 1.5957691216057307 // 2√(2/π)
	geluTanhCube  = 0.044715
)

// geluTanhGate returns -2√(2/π)·(x + 0.044715x³).
func (m functions[V]) geluTanhGate(x V) V {
	g := m.mul(x, x)
	return m.mul(x, m.addC(m.mulC(g, -geluTanhScale*geluTanhCube), -geluTanhScale))
}

func (m functions[V]) geluTanh(x V) V { return m.gate(x, m.geluTanhGate(x)) }

// geluTanhSlope stops at |x| = 9.9, where it is 0 or 1.
func (m functions[V]) geluTanhSlope(x V) V {
	x = m.bound(x, -9.9, 9.9)
	return m.gateSlope(m.geluTanhGate(x), func() V {
		return m.mul(x, m.addC(m.mulC(m.mul(x, x), 3*geluTanhScale*geluTanhCube), geluTanhScale))
	})
}

// gateBoth returns x·σ(s) and its derivative, given -s and t = x·s'(x), x and s bounded in it, by a function. The
// exponential is that of gate for the value and, kept from being infinite, that of gateSlope for the derivative.
func (m functions[V]) gateBoth(x, negated V, t func() V) (y, slope V) {
	e := m.expNormal(negated)
	y = m.div(x, m.addC(e, 1))
	e = m.min(m.constant(1e37), e)
	s := m.div(m.constant(1), m.addC(e, 1))
	return y, m.mul(s, m.fma(m.mul(e, s), t(), m.constant(1)))
}

// linearGateBoth returns x·σ(cx) and its derivative.
func (m functions[V]) linearGateBoth(x V, c float64) (y, slope V) {
	return m.gateBoth(x, m.mulC(x, -c), func() V { return m.bound(m.mulC(x, c), -87, 87) })
}

func (m functions[V]) geluTanhBoth(x V) (y, slope V) {
	return m.gateBoth(x, m.geluTanhGate(x), func() V {
		b := m.bound(x, -9.9, 9.9)
		return m.mul(b, m.addC(m.mulC(m.mul(b, b), 3*geluTanhScale*geluTanhCube), geluTanhScale))
	})
}

// The tail of the normal distribution, Q(t) = 1 - Φ(t), is e^(-t²/2)·R(t), where R is smooth: the ratio of these
// polynomials with positive coefficients has it to a relative 5.8e-9 for 0 ≤ t ≤ 14.3, beyond which Q is 0.
var (
	tailAbove = []float64{0.500000003, 0.437884117, 0.182930552, 0.0405304788, 0.0041010365}
	tailBelow = []float64{1, 1.6736532, 1.20123847, 0.468666473, 0.101601432, 0.0102796508}
)

// normalTail returns Q(t) and e^(-a²·scale) for t = a·√(2·scale), a ≥ 0, or zeros where x is not less than the limit. The square is carried in two parts, because
// its rounding would be the error of the exponential.
func (m functions[V]) normalTail(a, t V, scale float64, x V, limit float64) (q, e V) {
	high := m.mul(a, a)
	extra := m.mulC(m.squareRest(a, high), -scale)
	n, r := m.reduce(m.mulC(high, -scale), &extra)
	e = m.power2(m.addC(m.expM1Reduced(r), 1), n)
	e = m.choose(isLess, x, m.constant(limit), e, m.zero())
	ratio := m.div(m.polynomial(t, tailAbove), m.polynomial(t, tailBelow))
	return m.mul(e, ratio), e
}

// normal returns the normal distribution function Φ(x) and e^(-x²/2).
func (m functions[V]) normal(x V) (cdf, e V) {
	const limit = 12.9 // beyond it Q would be subnormal
	size := m.and(x, absBits)
	t := m.min(m.constant(limit), size)
	q, e := m.normalTail(t, t, 0.5, size, limit)
	return m.bySign(x, q, m.sub(m.constant(1), q)), e
}

func (m functions[V]) gelu(x V) V {
	cdf, _ := m.normal(x)
	return m.mul(x, cdf)
}

// geluSlope multiplies a bounded x, so that infinities have the slopes 0 and 1.
func (m functions[V]) geluSlope(x V) V {
	cdf, e := m.normal(x)
	x = m.bound(x, -13, 13)
	return m.fma(x, m.mulC(e, 1/math.Sqrt(2*math.Pi)), cdf)
}

func (m functions[V]) geluBoth(x V) (y, slope V) {
	cdf, e := m.normal(x)
	y = m.mul(x, cdf)
	return y, m.fma(m.bound(x, -13, 13), m.mulC(e, 1/math.Sqrt(2*math.Pi)), cdf)
}

// erfSmall is erf(x)/x in powers of x², to a relative 1.3e-9 for |x| ≤ 1.
var erfSmall = []float64{1.12837917, -0.376126258, 0.112835852, -0.0268538125, 0.00518832863, -0.000801020108, 7.85388409e-05}

func (m functions[V]) erf(x V) V {
	a := m.min(m.constant(4.5), m.and(x, absBits)) // beyond 4 it is ±1
	q, _ := m.normalTail(a, m.mulC(a, math.Sqrt2), 1, a, 5)
	far := m.withSign(m.sub(m.constant(1), m.add(q, q)), x)
	near := m.mul(x, m.polynomial(m.mul(x, x), erfSmall))
	return m.choose(isLess, a, m.constant(1), near, far)
}

// erfSlope is 2/√π·e^(-x²), the square carried in two parts.
func (m functions[V]) erfSlope(x V) V {
	const limit = 9.3 // beyond it the exponential would be subnormal
	size := m.and(x, absBits)
	x = m.min(m.constant(limit), size)
	high := m.mul(x, x)
	extra := m.xor(m.squareRest(x, high), signBits)
	n, r := m.reduce(m.xor(high, signBits), &extra)
	e := m.mulC(m.power2(m.addC(m.expM1Reduced(r), 1), n), 2/math.SqrtPi)
	return m.choose(isGreater, size, m.constant(limit), m.zero(), e)
}

// atanhTail is 2·artanh(s)/s in powers of s², to a relative 1e-10 for 0 ≤ s ≤ 1/3.
var atanhTail = []float64{2, 0.666666793, 0.39998691, 0.286207199, 0.213932708, 0.244130022}

// softplus is max(x, 0) + ln(1 + e) with e = e^-|x|, and ln(1 + e) = 2·artanh(e/(2 + e)).
func (m functions[V]) softplus(x V) V {
	e := m.exp(m.or(x, m.pattern(signBits)))
	s := m.div(e, m.addC(e, 2))
	return m.fma(s, m.polynomial(m.mul(s, s), atanhTail), m.max(m.zero(), x))
}

// mishParts returns x bounded, e = e^x and w = e² + 2e, for which tanh(softplus(x)) = w/(w + 2).
func (m functions[V]) mishParts(x V) (bounded, e, w V) {
	bounded = m.bound(x, expLow, 20)
	e = m.above(expLow, x, m.expBounded(bounded))
	return bounded, e, m.mul(e, m.addC(e, 2))
}

func (m functions[V]) mish(x V) V {
	_, _, w := m.mishParts(x)
	return m.mul(x, m.div(w, m.addC(w, 2)))
}

// mishSlope is w/d + 4x·e·(1 + e)/d² with d = w + 2.
func (m functions[V]) mishSlope(x V) V {
	x, e, w := m.mishParts(x)
	u := m.div(m.constant(1), m.addC(w, 2))
	m.fma(m.mul(m.mulC(x, 4), u), m.mul(e, m.addC(e, 1)), w)
	return m.mul(w, u)
}

func (m functions[V]) hardSigmoid(x V) V {
	return m.bound(m.step(m.move(x), m.constant(1.0/6), 0.5), 0, 1)
}

// hardSigmoidSlope is 1/6 between -3 and 3, and keeps NaN.
func (m functions[V]) hardSigmoidSlope(x V) V {
	s := m.choose(isLess, m.and(x, absBits), m.constant(3), m.constant(1.0/6), m.zero())
	return m.choose(isUnordered, x, x, x, s)
}
