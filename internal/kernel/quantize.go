package kernel

import "math"

// QuantScale is how one axis of an array is quantised: q = clamp(round(x/Scale) + Zero, Lo, Hi), halves to even, and back
// x = (q - Zero)·Scale. Scale has one positive number per channel, Zero as many or nil for zeros. Lo and Hi are the
// range of the integer type: 0 and 255 for uint8, -128 and 127 for int8.
type QuantScale struct {
	Scale  []float32
	Zero   []int32
	Lo, Hi int32
}

// QuantizeDequantize rounds x to what its quantised form holds. x is outer × channels × inner with one scale per
// channel; a single scale is one channel. NaN stays NaN, infinities saturate. y may be x.
func QuantizeDequantize(y, x []float32, q *QuantScale, outer, inner int) {
	q.eachChannel(outer, inner, func(lo, hi int, scale, zero float32) {
		low, high := float32(q.Lo)-zero, float32(q.Hi)-zero
		for i, v := range x[lo:hi] {
			y[lo+i] = min(max(roundToEven(v/scale), low), high) * scale
		}
	})
}

// QuantizeDequantizeGrad computes the straight-through cotangent (Bengio, Léonard and Courville, arXiv 1308.3432):
// dx = dy where x is inside the range, 0 where it saturates. dx may be dy.
func QuantizeDequantizeGrad(dx, dy, x []float32, q *QuantScale, outer, inner int) {
	q.eachChannel(outer, inner, func(lo, hi int, scale, zero float32) {
		low, high := float32(q.Lo)-zero, float32(q.Hi)-zero
		for i, v := range x[lo:hi] {
			d := dy[lo+i]
			if r := roundToEven(v / scale); r < low || r > high {
				d = 0
			}
			dx[lo+i] = d
		}
	})
}

// Dequantize computes y = (x - Zero)·Scale for stored integers of outer × channels × inner.
func Dequantize[T ~int8 | ~uint8 | ~int16 | ~uint16 | ~int32](y []float32, x []T, q *QuantScale, outer, inner int) {
	q.eachChannel(outer, inner, func(lo, hi int, scale, zero float32) {
		for i, v := range x[lo:hi] {
			y[lo+i] = float32(float64(v)-float64(zero)) * scale
		}
	})
}

// eachChannel calls f with every run of inner elements and its scale and zero point.
func (q *QuantScale) eachChannel(outer, inner int, f func(lo, hi int, scale, zero float32)) {
	for o := range outer {
		for c, scale := range q.Scale {
			var zero float32
			if q.Zero != nil {
				zero = float32(q.Zero[c])
			}
			at := (o*len(q.Scale) + c) * inner
			f(at, at+inner, scale, zero)
		}
	}
}

func roundToEven(x float32) float32 { return float32(math.RoundToEven(float64(x))) }
