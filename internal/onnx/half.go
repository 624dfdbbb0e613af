package onnx

import (
	"encoding/binary"
	"math"
)

// Float16To32 converts one IEEE 754 binary16 value to float32. Every value is exact, subnormals, infinities
// and NaN payloads included.
func Float16To32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	mag := uint32(h & 0x7fff)
	switch {
	case mag >= 0x7c00: // infinity or NaN: all-ones exponent
		return math.Float32frombits(sign | 0x7f800000 | (mag&0x3ff)<<13)
	case mag >= 0x400: // normal: rebias the exponent from 15 to 127
		return math.Float32frombits(sign | (mag<<13 + 112<<23))
	}
	// Subnormal: mag·2⁻²⁴, a product of two float32 values that is exact.
	return math.Float32frombits(sign | math.Float32bits(float32(mag)*0x1p-24))
}

// Float32To16 rounds f to the nearest binary16 value, ties to even; values beyond 65504 by half a step or
// more become infinite, and a NaN stays a NaN.
func Float32To16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	mag := bits & 0x7fffffff
	switch {
	case mag > 0x7f800000:
		return sign | 0x7e00 | uint16(mag>>13&0x3ff)
	case mag >= 0x477ff000: // 65520 and above round to infinity
		return sign | 0x7c00
	case mag >= 0x38800000: // at least 2⁻¹⁴: normal
		mag -= 112 << 23
		return sign | uint16((mag+0xfff+mag>>13&1)>>13)
	}
	// Subnormal: scaled by 2²⁴ the value is below 1024 and rounds to an integer in float64.
	return sign | uint16(math.RoundToEven(float64(math.Float32frombits(mag))*0x1p24))
}

// BFloat16To32 converts one bfloat16 value to float32, exactly.
func BFloat16To32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// Float32ToBFloat16 rounds f to the nearest bfloat16 value, ties to even; a NaN stays a NaN.
func Float32ToBFloat16(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// widenFloat16 converts raw little-endian binary16 values into dst, which has len(raw)/2 elements.
func widenFloat16(dst []float32, raw []byte) {
	for i := range dst {
		h := binary.LittleEndian.Uint16(raw[2*i:])
		mag := uint32(h & 0x7fff)
		if mag-0x400 < 0x7800 { // normal, by far the most common
			dst[i] = math.Float32frombits(uint32(h&0x8000)<<16 | (mag<<13 + 112<<23))
			continue
		}
		dst[i] = Float16To32(h)
	}
}

// widenBFloat16 converts raw little-endian bfloat16 values into dst, which has len(raw)/2 elements.
func widenBFloat16(dst []float32, raw []byte) {
	for i := range dst {
		dst[i] = BFloat16To32(binary.LittleEndian.Uint16(raw[2*i:]))
	}
}
