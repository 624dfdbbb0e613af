package kernel

import (
	"math"
	"testing"
	"unsafe"
)

// TestGemmTileLayout pins the offsets that the assembly was generated with.
func TestGemmTileLayout(t *testing.T) {
	var g gemmTile
	for i, off := range []uintptr{
		unsafe.Offsetof(g.a), unsafe.Offsetof(g.b), unsafe.Offsetof(g.c), unsafe.Offsetof(g.start), unsafe.Offsetof(g.next),
		unsafe.Offsetof(g.lda), unsafe.Offsetof(g.bPanel), unsafe.Offsetof(g.ldc), unsafe.Offsetof(g.ldstart), unsafe.Offsetof(g.k),
		unsafe.Offsetof(g.rows), unsafe.Offsetof(g.cols), unsafe.Offsetof(g.transA),
	} {
		if off != uintptr(8*i) {
			t.Errorf("field %d is at %d, the assembly reads %d", i, off, 8*i)
		}
	}
}

// TestGemmPathsAgree: every path with fused multiply-adds computes the same chain of them, hence the same bits.
func TestGemmPathsAgree(t *testing.T) {
	const m, n, k = 29, 85, 1700
	a, p := gemmRandom(1, m*k), Pack(gemmRandom(2, n*k), k, n, n, false)
	var first []float32
	for _, name := range CPUs() {
		if name == "generic" {
			continue
		}
		restore, err := UseCPU(name)
		if err != nil {
			t.Fatal(err)
		}
		c := make([]float32, m*n)
		GemmPacked(c, n, a, k, m, p, false, nil, 0, n, make([]float32, GemmPackedScratch(m, p, k)))
		restore()
		if first == nil {
			first = c
		}
		for i := range c {
			if math.Float32bits(c[i]) != math.Float32bits(first[i]) {
				t.Fatalf("%s: element %d is %g, on the first path %g", name, i, c[i], first[i])
			}
		}
	}
}

// TestGemmAllocates nothing.
func TestGemmAllocates(t *testing.T) {
	cpuEach(t, func(t *testing.T) {
		const m, n, k = 20, 40, 30
		a, b, c := gemmRandom(1, m*k), gemmRandom(2, n*k), make([]float32, m*n)
		p, scratch := Pack(b, k, n, n, false), make([]float32, GemmScratch(m, n, k))
		ep := &Epilogue{Bias: gemmRandom(3, n), Act: QuickGELU}
		x := attnMake(AttnShape{Heads: 2, Tq: 20, Tk: 17, D: 8, Dv: 8, Scale: 1}, 1, false)
		s, sg := make([]float32, AttentionScratch(&x.AttnShape)), make([]float32, AttentionGradScratch(&x.AttnShape))
		if n := testing.AllocsPerRun(10, func() {
			GemmPacked(c, n, a, k, m, p, false, ep, 0, n, scratch)
			GemmPacked(c, n, a, k, m, p, false, ep, 3, n, scratch)
			Gemm(c, n, false, a, k, false, b, n, m, n, k, 1, true, scratch)
			Attention(x.o, x.q, x.k, x.v, x.lse, nil, &x.AttnShape, 0, 2, s)
			AttentionGrad(x.dq, x.dk, x.dv, x.do, x.q, x.k, x.v, x.o, x.lse, nil, &x.AttnShape, 0, 2, sg)
		}); n != 0 {
			t.Errorf("%g allocations", n)
		}
	})
}
