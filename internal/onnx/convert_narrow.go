package onnx

import "math"

// Elements of four bits lie two to a byte, the first in the low half.

// nibbles unpacks n elements.
func nibbles(d DType, raw []byte, n int) []int64 {
	v := make([]int64, n)
	for i := range v {
		b := raw[i/2] >> (4 * (i % 2)) & 15
		v[i] = int64(b)
		if d == Int4 {
			v[i] = int64(int8(b<<4) >> 4)
		}
	}
	return v
}

// tinyFloat is a floating-point type of at most eight bits: sign, exponent, mantissa.
type tinyFloat struct {
	mantissa, bias int
	infinite       bool // the largest exponent holds infinities and NaN, as IEEE 754 has it
	nan            int  // otherwise the one magnitude that is NaN; -1 for none
	negativeZero   bool // NaN is what would be minus zero
}

var tinyFloats = map[DType]tinyFloat{
	Float8E4M3: {mantissa: 3, bias: 7, nan: 0x7f}, 18: {mantissa: 3, bias: 8, nan: -1, negativeZero: true},
	19: {mantissa: 2, bias: 15, infinite: true, nan: -1}, 20: {mantissa: 2, bias: 16, nan: -1, negativeZero: true},
	Float4E2M1: {mantissa: 1, bias: 1, nan: -1},
}

// value decodes a pattern of the given number of bits.
func (f tinyFloat) value(b, bits int) float32 {
	sign, mag := b>>(bits-1), b&(1<<(bits-1)-1)
	e, m := mag>>f.mantissa, mag&(1<<f.mantissa-1)
	top := 1<<(bits-1-f.mantissa) - 1
	v := math.Ldexp(float64(m), 1-f.bias-f.mantissa) // subnormal
	switch {
	case mag == f.nan, f.negativeZero && sign == 1 && mag == 0, f.infinite && e == top && m > 0:
		return float32(math.NaN())
	case f.infinite && e == top:
		v = math.Inf(1)
	case e > 0:
		v = math.Ldexp(float64(1<<f.mantissa+m), e-f.bias-f.mantissa)
	}
	if sign == 1 {
		v = -v
	}
	return float32(v)
}

// tiny converts the elements of types of at most eight bits that are no bytes, if the tensor holds such.
func (t *Tensor) tiny(raw []byte) ([]float32, bool) {
	n := t.Len()
	v := make([]float32, 0, n)
	switch f, ok := tinyFloats[t.Type]; {
	case t.Type == Int4, t.Type == Uint4:
		for _, x := range nibbles(t.Type, raw, n) {
			v = append(v, float32(x))
		}
	case t.Type == Float4E2M1:
		for _, x := range nibbles(Uint4, raw, n) {
			v = append(v, f.value(int(x), 4))
		}
	case ok:
		for _, x := range raw {
			v = append(v, f.value(int(x), 8))
		}
	default:
		return nil, false
	}
	return v, true
}
