package resample

import "testing"

// A 500×333 photograph to the 224×224 centre of its bicubic resize, three planes.
func BenchmarkPhotoTo224(b *testing.B) {
	x, _ := PIL(Bicubic, 500, 336, 56, 224)
	y, _ := PIL(Bicubic, 333, 224, 0, 224)
	s := NewSeparable(x, y)
	src, dst, scratch := make([]float32, s.InLen()), make([]float32, s.OutLen()), make([]float32, s.Scratch())
	b.Run("apply", func(b *testing.B) {
		for b.Loop() {
			for range 3 {
				s.Apply(dst, src, scratch)
			}
		}
	})
	b.Run("adjoint", func(b *testing.B) {
		for b.Loop() {
			for range 3 {
				s.Adjoint(src, dst, scratch)
			}
		}
	})
}
