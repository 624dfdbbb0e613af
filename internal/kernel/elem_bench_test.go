package kernel

import "testing"

// benchEveryCPU reports how many million elements a second f handles on each instruction set, n elements a call.
func benchEveryCPU(b *testing.B, n int, f func()) {
	for _, name := range CPUs() {
		b.Run(name, func(b *testing.B) {
			restore, err := UseCPU(name)
			if err != nil {
				b.Fatal(err)
			}
			defer restore()
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Melem/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// benchLength is one hidden layer of 5 tokens of a ViT-B, 60 KB, which stays in the second-level cache.
const benchLength = 5 * 3072

func BenchmarkMap(b *testing.B) {
	x, dy, y := random(1, benchLength), random(2, benchLength), make([]float32, benchLength)
	for _, u := range []Unary{Exp, Sigmoid, Tanh, QuickGELU, GELU, GELUTanh, SiLU, Erf, Relu} {
		b.Run(u.String(), func(b *testing.B) { benchEveryCPU(b, benchLength, func() { Map(u, y, x) }) })
		b.Run(u.String()+"Grad", func(b *testing.B) { benchEveryCPU(b, benchLength, func() { MapGrad(u, y, dy, x) }) })
	}
}

func BenchmarkSoftmax(b *testing.B) {
	for _, n := range []int{50, 197, 577} {
		const rows = 20
		x, y := random(1, rows*n), make([]float32, rows*n)
		name := map[int]string{50: "50", 197: "197", 577: "577"}[n]
		b.Run(name, func(b *testing.B) { benchEveryCPU(b, rows*n, func() { Softmax(y, x, rows, n) }) })
		b.Run(name+"Grad", func(b *testing.B) { benchEveryCPU(b, rows*n, func() { SoftmaxGrad(x, x, y, rows, n) }) })
	}
}

func BenchmarkNorm(b *testing.B) {
	const rows, n = 20, 768
	c := newNormCase(rows*n, n, 0)
	y, mean, rstd := make([]float32, rows*n), make([]float32, rows), make([]float32, rows)
	for _, op := range []struct {
		name string
		f    func()
	}{
		{"LayerNorm", func() { LayerNorm(y, c.x, c.gamma, c.beta, mean, rstd, rows, n, 1e-5) }},
		{"LayerNormGrad", func() { LayerNormGrad(y, c.dy, c.x, c.gamma, mean, rstd, nil, rows, n) }},
		{"LayerNormGradAdd", func() { LayerNormGrad(y, c.dy, c.x, c.gamma, mean, rstd, c.add, rows, n) }},
		{"LayerNormWeightGrad", func() { LayerNormWeightGrad(c.gamma, c.beta, c.dy, c.x, mean, rstd, rows, n) }},
		{"RMSNorm", func() { RMSNorm(y, c.x, c.gamma, rstd, rows, n, 1e-5) }},
		{"RMSNormGrad", func() { RMSNormGrad(y, c.dy, c.x, c.gamma, rstd, nil, rows, n) }},
		{"GroupNorm", func() { GroupNorm(y, c.x, c.gamma, c.beta, nil, nil, 8, 32, 480, 1e-5) }},
	} {
		b.Run(op.name, func(b *testing.B) { benchEveryCPU(b, rows*n, op.f) })
	}
}

func BenchmarkRows(b *testing.B) {
	const rows, n = 20, 768
	x, y, z := random(1, rows*n), random(2, rows*n), make([]float32, rows*n)
	same, _ := NewBroadcast([]int{rows, n}, []int{rows, n}, []int{rows, n})
	bias, _ := NewBroadcast([]int{rows, n}, []int{rows, n}, []int{n})
	last, first := NewReduction([]int{rows, n}, []int{1}), NewReduction([]int{rows, n}, []int{0})
	heads := NewTranspose([]int{rows, 12, 64}, []int{1, 0, 2})
	matrix := NewTranspose([]int{rows * 12, 64}, []int{1, 0})
	for _, op := range []struct {
		name string
		f    func()
	}{
		{"Add", func() { same.Apply(Add, z, x, y) }},
		{"AddBias", func() { bias.Apply(Add, z, x, y) }},
		{"Max", func() { same.Apply(Max, z, x, y) }},
		{"Less", func() { same.Apply(Less, z, x, y) }},
		{"Axpy", func() { Axpy(z, 0.5, x) }},
		{"Dot", func() { Dot(x, y) }},
		{"SumLastAxis", func() { last.Apply(Sum, z, x) }},
		{"MaxLastAxis", func() { last.Apply(ReduceMax, z, x) }},
		{"SumFirstAxis", func() { first.Apply(Sum, z, x) }},
		{"TransposeHeads", func() { ApplyTranspose(heads, z, x) }},
		{"TransposeMatrix", func() { ApplyTranspose(matrix, z, x) }},
	} {
		b.Run(op.name, func(b *testing.B) { benchEveryCPU(b, rows*n, op.f) })
	}
}

func BenchmarkConv(b *testing.B) {
	for _, c := range []struct {
		name string
		s    ConvShape
	}{
		{"Stem7x7", ConvShape{C: 3, H: 224, W: 224, Oc: 64, Kh: 7, Kw: 7, Sh: 2, Sw: 2, Dh: 1, Dw: 1, Pt: 3, Pl: 3, Pb: 3, Pr: 3, Groups: 1, Oh: 112, Ow: 112}},
		{"3x3x128", ConvShape{C: 128, H: 28, W: 28, Oc: 128, Kh: 3, Kw: 3, Sh: 1, Sw: 1, Dh: 1, Dw: 1, Pt: 1, Pl: 1, Pb: 1, Pr: 1, Groups: 1, Oh: 28, Ow: 28}},
		{"Depthwise7x7", ConvShape{C: 192, H: 28, W: 28, Oc: 192, Kh: 7, Kw: 7, Sh: 1, Sw: 1, Dh: 1, Dw: 1, Pt: 3, Pl: 3, Pb: 3, Pr: 3, Groups: 192, Oh: 28, Ow: 28}},
	} {
		s := &c.s
		x, w := random(1, s.C*s.H*s.W), random(2, s.Oc*s.depth())
		y, dx, dw, scratch := random(3, s.Oc*s.plane()), make([]float32, s.C*s.H*s.W), make([]float32, s.Oc*s.depth()), make([]float32, Conv2DScratch(s))
		for _, op := range []struct {
			name string
			f    func()
		}{
			{"", func() { Conv2D(y, x, w, nil, s, scratch) }},
			{"GradInput", func() { Conv2DGradInput(dx, y, w, s, scratch) }},
			{"GradWeight", func() { Conv2DGradWeight(dw, y, x, s, scratch) }},
		} {
			b.Run(c.name+op.name, func(b *testing.B) {
				for b.Loop() {
					op.f()
				}
				b.ReportMetric(2*float64(s.Oc*s.plane()*s.depth())*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

func BenchmarkPool(b *testing.B) {
	max3 := &ConvShape{C: 64, H: 112, W: 112, Oc: 64, Kh: 3, Kw: 3, Sh: 2, Sw: 2, Dh: 1, Dw: 1, Pt: 1, Pl: 1, Pb: 1, Pr: 1, Groups: 64, Oh: 56, Ow: 56}
	avg2 := &ConvShape{C: 64, H: 112, W: 112, Oc: 64, Kh: 2, Kw: 2, Sh: 2, Sw: 2, Dh: 1, Dw: 1, Groups: 64, Oh: 56, Ow: 56}
	x, y, at := random(1, 64*112*112), make([]float32, 64*56*56), make([]int32, 64*56*56)
	dx := make([]float32, len(x))
	for _, op := range []struct {
		name string
		f    func()
	}{
		{"Max3x3", func() { MaxPool(y, at, x, max3) }},
		{"Max3x3Grad", func() { MaxPoolGrad(dx, y, at, max3) }},
		{"Average2x2", func() { AveragePool(y, x, avg2, false) }},
		{"Average2x2Grad", func() { AveragePoolGrad(dx, y, avg2, false) }},
	} {
		b.Run(op.name, func(b *testing.B) {
			for b.Loop() {
				op.f()
			}
			b.ReportMetric(float64(len(y))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mwindow/s")
		})
	}
}
