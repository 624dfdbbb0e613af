package onnx_test

import (
	"math"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// half is the definition of binary16 (IEEE 754-2019, 3.4) in float64.
func half(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	case 0:
		return sign * math.Ldexp(frac, -24)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

func TestFloat16EveryValue(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		got, want := onnx.Float16To32(h), half(h)
		if math.IsNaN(want) {
			if bits := math.Float32bits(got); bits&0x7f800000 != 0x7f800000 || bits>>13&0x3ff != uint32(h&0x3ff) {
				t.Fatalf("%#04x: NaN became %#08x", h, bits)
			}
			if back := onnx.Float32To16(got); back&0x7c00 != 0x7c00 || back&0x3ff == 0 {
				t.Fatalf("%#04x: NaN came back as %#04x", h, back)
			}
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != (h>>15 == 1) {
			t.Fatalf("%#04x: got %v, want %v", h, got, want)
		}
		if back := onnx.Float32To16(got); back != h {
			t.Fatalf("%#04x: came back as %#04x", h, back)
		}
	}
}

// TestFloat16Rounding takes, between every two neighbours, the midpoint and the float32 values beside it.
func TestFloat16Rounding(t *testing.T) {
	for h := uint16(0); h < 0x7c00; h++ {
		lo, hi := half(h), half(h+1)
		if h == 0x7bff {
			hi = 65536 // what the next value would be without infinity
		}
		mid := float32((lo + hi) / 2)
		even := h + h&1
		for _, c := range []struct {
			f    float32
			want uint16
		}{{mid, even}, {math.Nextafter32(mid, 0), h}, {math.Nextafter32(mid, 1e9), h + 1}} {
			if got := onnx.Float32To16(c.f); got != c.want {
				t.Fatalf("%v: got %#04x, want %#04x", c.f, got, c.want)
			}
			if got := onnx.Float32To16(-c.f); got != c.want|0x8000 {
				t.Fatalf("%v: got %#04x, want %#04x", -c.f, got, c.want|0x8000)
			}
		}
	}
	if got := onnx.Float32To16(math.MaxFloat32); got != 0x7c00 {
		t.Errorf("the largest float32 became %#04x", got)
	}
}

func TestBFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := onnx.BFloat16To32(h)
		if math.Float32bits(f) != uint32(h)<<16 {
			t.Fatalf("%#04x became %v", h, f)
		}
		if f != f {
			if back := onnx.Float32ToBFloat16(f); back&0x7f80 != 0x7f80 || back&0x7f == 0 {
				t.Fatalf("NaN %#04x came back as %#04x", h, back)
			}
			continue
		}
		if back := onnx.Float32ToBFloat16(f); back != h {
			t.Fatalf("%#04x came back as %#04x", h, back)
		}
		if h&0x7f80 == 0x7f80 {
			continue
		}
		half := math.Float32frombits(uint32(h)<<16 | 0x8000)
		if got := onnx.Float32ToBFloat16(half); got != h+h&1 {
			t.Fatalf("the midpoint above %#04x became %#04x", h, got)
		}
		if got := onnx.Float32ToBFloat16(math.Float32frombits(uint32(h)<<16 | 0x8001)); got != h+1 {
			t.Fatalf("just above the midpoint over %#04x became %#04x", h, got)
		}
	}
}
