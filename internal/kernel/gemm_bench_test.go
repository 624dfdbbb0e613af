package kernel

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// gemmBenchShapes are the products of a linear layer: tokens × inputs × outputs.
var gemmBenchShapes = [][3]int{
	{50, 768, 768}, {50, 768, 3072}, {50, 3072, 768}, {197, 768, 768}, {197, 768, 3072}, {197, 3072, 768},
	{257, 1024, 4096}, {257, 4096, 1024}, {65, 128, 512}, {65, 512, 128}, {1600, 768, 3072}, {1, 768, 3072},
}

// benchAgainstPeak runs work, which does flops operations, and the loop of multiply-adds by turns and reports, in
// processor time, the median speed of work and the median of its ratio to the loop before it.
func benchAgainstPeak(b *testing.B, flops float64, work func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rounds := 1000
	for start := benchClock(); PeakLoop(rounds) > 0 && benchClock()-start < 300*time.Microsecond; start = benchClock() {
		rounds *= 2
	}
	var speeds, ratios []float64
	for b.Loop() {
		t := benchClock()
		peak := float64(PeakLoop(rounds))
		u := benchClock()
		work()
		speed := flops / (benchClock() - u).Seconds()
		speeds = append(speeds, speed)
		if peak > 0 {
			ratios = append(ratios, speed*(u-t).Seconds()/peak)
		}
	}
	slices.Sort(speeds)
	slices.Sort(ratios)
	b.ReportMetric(speeds[len(speeds)/2]/1e9, "GFLOP/s")
	if len(ratios) > 0 {
		b.ReportMetric(100*ratios[len(ratios)/2], "%FMA")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkGemm multiplies activations by packed weights. The weights of 100 MB of copies are used by turns, so
// that they come from memory as in a whole encoder.
func BenchmarkGemm(b *testing.B) {
	for _, s := range gemmBenchShapes {
		m, k, n := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("shape=%dx%dx%d", m, k, n), func(b *testing.B) {
			weights := gemmRandom(1, k*n)
			var copies []*PackedB
			for range max(1, 25<<20/(k*n)) {
				copies = append(copies, Pack(weights, k, n, k, true))
			}
			a, c, bias := gemmRandom(2, m*k), make([]float32, m*n), gemmRandom(3, n)
			scratch := make([]float32, GemmPackedScratch(m, copies[0], k))
			i := 0
			benchAgainstPeak(b, 2*float64(m)*float64(k)*float64(n), func() {
				GemmPacked(c, n, a, k, m, copies[i%len(copies)], false, &Epilogue{Bias: bias}, 0, n, scratch)
				i++
			})
		})
	}
}

// BenchmarkGemmHalf is BenchmarkGemm with weights that stay in half precision.
func BenchmarkGemmHalf(b *testing.B) {
	for _, s := range gemmBenchShapes[:6] {
		m, k, n := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("shape=%dx%dx%d", m, k, n), func(b *testing.B) {
			var copies []*PackedB
			for range 25 << 20 / (k * n) {
				copies = append(copies, PackFloat16(make([]uint16, k*n), k, n, k, true))
			}
			a, c := gemmRandom(2, m*k), make([]float32, m*n)
			scratch := make([]float32, GemmPackedScratch(m, copies[0], k))
			i := 0
			benchAgainstPeak(b, 2*float64(m)*float64(k)*float64(n), func() {
				GemmPacked(c, n, a, k, m, copies[i%len(copies)], false, nil, 0, n, scratch)
				i++
			})
		})
	}
}

// BenchmarkGemmEpilogue adds bias, activation with its slope, and residual.
func BenchmarkGemmEpilogue(b *testing.B) {
	const m, k, n = 197, 768, 3072
	p, a, c := Pack(gemmRandom(1, k*n), k, n, k, true), gemmRandom(2, m*k), make([]float32, m*n)
	attnScaleGeneric(a, 0, 1, m*k, []float32{1 / 28.}) // activations see inputs of the order of 1
	ep := Epilogue{Bias: gemmRandom(3, n)}
	with := func(name string, ep Epilogue) {
		b.Run(name, func(b *testing.B) {
			benchAgainstPeak(b, 2*float64(m)*float64(k)*float64(n), func() { GemmPacked(c, n, a, k, m, p, false, &ep, 0, n, nil) })
		})
	}
	with("bias", ep)
	ep.Act = QuickGELU
	with("bias+QuickGELU", ep)
	ep.Slope, ep.LdSlope = make([]float32, m*n), n
	with("bias+QuickGELU+slope", ep)
	ep.Act = GELU
	with("bias+GELU+slope", ep)
	with("bias+residual", Epilogue{Bias: ep.Bias, Add: ep.Slope, LdAdd: n})
}

// BenchmarkGemmUnpacked multiplies matrices that are both packed on the fly: a weight gradient dW = Xᵀ·dY of
// 197 tokens and of eight times as many, and the products of two square matrices.
func BenchmarkGemmUnpacked(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{{768, 768, 197, true, false}, {768, 3072, 197, true, false}, {3072, 768, 1576, true, false}, {1024, 1024, 1024, false, false}, {1024, 1024, 1024, false, true}} {
		b.Run(fmt.Sprintf("shape=%dx%dx%d/transA=%v/transB=%v", s.m, s.k, s.n, s.transA, s.transB), func(b *testing.B) {
			x, y, c := gemmRandom(1, s.m*s.k), gemmRandom(2, s.n*s.k), make([]float32, s.m*s.n)
			lda, ldb := s.k, s.n
			if s.transA {
				lda = s.m
			}
			if s.transB {
				ldb = s.k
			}
			scratch := make([]float32, GemmScratch(s.m, s.n, s.k))
			benchAgainstPeak(b, 2*float64(s.m)*float64(s.k)*float64(s.n), func() {
				Gemm(c, s.n, s.transA, x, lda, s.transB, y, ldb, s.m, s.n, s.k, 1, false, scratch)
			})
		})
	}
}

// BenchmarkPack lays out the weights of a linear layer, as loading a model does for every layer, forward and backward.
func BenchmarkPack(b *testing.B) {
	const k, n = 768, 3072
	w, half := gemmRandom(1, k*n), make([]uint16, k*n)
	for _, trans := range []bool{false, true} {
		ld := n
		if trans {
			ld = k
		}
		b.Run(fmt.Sprintf("float32/trans=%v", trans), func(b *testing.B) {
			b.SetBytes(4 * k * n)
			for b.Loop() {
				Pack(w, k, n, ld, trans)
			}
		})
		b.Run(fmt.Sprintf("float16/trans=%v", trans), func(b *testing.B) {
			b.SetBytes(2 * k * n)
			for b.Loop() {
				PackFloat16(half, k, n, ld, trans)
			}
		})
	}
}
