package kernel

import "math"

// halfFormat is how a packed matrix holds numbers of 16 bits.
type halfFormat uint8

const (
	halfFloat16  halfFormat = iota + 1 // IEEE 754 binary16
	halfBFloat16                       // the upper half of a float32
)

// PackFloat16 is [Pack] for IEEE 754 half-precision numbers. They stay compressed in memory and are widened, which
// is exact, a few columns at a time during a product.
func PackFloat16(b []uint16, k, n, ldb int, trans bool) *PackedB {
	return packHalf(b, k, n, ldb, trans, halfFloat16)
}

// PackBFloat16 is [PackFloat16] for bfloat16, the upper halves of float32 numbers.
func PackBFloat16(b []uint16, k, n, ldb int, trans bool) *PackedB {
	return packHalf(b, k, n, ldb, trans, halfBFloat16)
}

func packHalf(b []uint16, k, n, ldb int, trans bool, format halfFormat) *PackedB {
	p := &PackedB{K: k, N: n, half: make([]uint16, packLen(k, n)), format: format}
	HugePages(p.half)
	for j := range min(n, len(p.half)) { // none without rows
		panel := p.half[j/panelCols*panelCols*k+j%panelCols:]
		for r := range k {
			if trans {
				panel[r*panelCols] = b[j*ldb+r]
			} else {
				panel[r*panelCols] = b[r*ldb+j]
			}
		}
	}
	return p
}

// widen converts whole units of 16 numbers.
func (f halfFormat) widen(dst []float32, src []uint16) {
	dst = dst[:len(src)]
	if len(src) > 0 && !packWiden(f, dst, src) {
		for i, v := range src {
			dst[i] = f.float32(v)
		}
	}
}

// float32 converts one number.
func (f halfFormat) float32(v uint16) float32 {
	if f == halfBFloat16 {
		return math.Float32frombits(uint32(v) << 16)
	}
	sign, exponent, fraction := uint32(v&0x8000)<<16, uint32(v>>10&31), uint32(v&0x3ff)
	switch exponent {
	case 0: // zero or a multiple of 2^-24
		return math.Float32frombits(math.Float32bits(float32(fraction)*0x1p-24) | sign)
	case 31: // infinity, or NaN made quiet
		if fraction != 0 {
			fraction |= 0x200
		}
		exponent = 255 - 112
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
