package kernel

import (
	"math/rand/v2"
	"testing"
)

func TestTransposeMovesEveryElement(t *testing.T) { onEveryCPU(t, transposing) }

func transposing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 400 {
		shape := make([]int, r.IntN(6))
		for a := range shape {
			shape[a] = 1 + r.IntN(6)
		}
		if len(shape) > 1 && r.IntN(3) == 0 {
			shape[r.IntN(len(shape))] = 17 + r.IntN(20)
		}
		checkTranspose(t, shape, r.Perm(len(shape)))
	}
	checkTranspose(t, []int{3, 0, 2}, []int{2, 0, 1})
	checkTranspose(t, []int{197, 12, 64}, []int{1, 0, 2})
	for rows := range 35 {
		for _, cols := range []int{1, 7, 8, 9, 15, 16, 33, 64, 255, 270, 520} {
			checkTranspose(t, []int{rows, cols}, []int{1, 0})
			checkTranspose(t, []int{cols, rows}, []int{1, 0})
		}
	}
}

func checkTranspose(t *testing.T, shape, perm []int) {
	checkTransposeOf[float32](t, shape, perm)
	checkTransposeOf[int64](t, shape, perm)
}

func checkTransposeOf[T float32 | int64](t *testing.T, shape, perm []int) {
	n := count(shape)
	const margin = 20
	all := make([]T, n+2*margin)
	x, y := make([]T, n), all[margin:margin+n]
	for i := range x {
		x[i] = T(i + 1)
	}
	ApplyTranspose(NewTranspose(shape, perm), y, x)
	out := make([]int, len(shape))
	for k, a := range perm {
		out[k] = shape[a]
	}
	in, index := contiguous(shape), make([]int, len(shape))
	source := make([]int, len(shape))
	for i := range y {
		for k, a := range perm {
			source[a] = index[k]
		}
		if want := T(at(source, in) + 1); y[i] != want {
			t.Fatalf("transpose %v by %v: [%d] = %v, want %v", shape, perm, i, y[i], want)
		}
		next(index, out)
	}
	for i := range margin {
		if all[i] != 0 || all[margin+n+i] != 0 {
			t.Fatalf("transpose %v by %v wrote outside", shape, perm)
		}
	}
}

func TestStridedCopyAndAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		shape := make([]int, r.IntN(5))
		for a := range shape {
			shape[a] = 1 + r.IntN(5)
		}
		dst, dstAt, dn := randomLayout(r, shape)
		src, srcAt, sn := randomLayout(r, shape)
		x, y := random(1, sn), random(2, dn)
		sum := append([]float32(nil), y...)
		wantCopy, wantSum := append([]float32(nil), y...), append([]float32(nil), y...)
		index := make([]int, len(shape))
		for more := true; more; more = next(index, shape) {
			d, s := dstAt+at(index, dst), srcAt+at(index, src)
			wantCopy[d] = x[s]
			wantSum[d] += x[s]
		}
		StridedCopyAt(y, dstAt, dst, x, srcAt, src, shape)
		StridedAddAt(sum, dstAt, dst, x, srcAt, src, shape)
		sameBits(t, "copy", y, wantCopy)
		sameBits(t, "add", sum, wantSum)
	}
	StridedCopy[float32](nil, []int{1, 1}, nil, []int{1, 1}, []int{2, 0})
	StridedAdd(nil, []int{1}, nil, []int{1}, []int{0})
}

// randomLayout returns strides that place an array, some axes backwards and with gaps, in a slice of n elements.
func randomLayout(r *rand.Rand, shape []int) (stride []int, first, n int) {
	stride, n = make([]int, len(shape)), 1
	for a := len(shape) - 1; a >= 0; a-- {
		stride[a] = n
		n *= shape[a]
		if r.IntN(3) == 0 {
			n += r.IntN(3)
		}
		if r.IntN(4) == 0 {
			first += stride[a] * (shape[a] - 1)
			stride[a] = -stride[a]
		}
	}
	return stride, first, n
}

func TestStridedAddSumsOverZeroStride(t *testing.T) {
	x, y := []float32{1, 2, 3, 4, 5, 6}, []float32{10, 20, 30}
	StridedAdd(y, []int{0, 1}, x, []int{3, 1}, []int{2, 3})
	sameBits(t, "sum of rows", y, []float32{15, 27, 39})
}

func TestGatherAndScatterAreAdjoint(t *testing.T) {
	idx := []int64{2, 0, -1, 2}
	const outer, n, inner = 2, 4, 3
	x := random(1, outer*n*inner)
	g, y := random(2, outer*len(idx)*inner), make([]float32, outer*len(idx)*inner)
	GatherAxis(y, x, idx, outer, n, inner)
	for o := range outer {
		for k, i := range []int{2, 0, 3, 2} {
			sameBits(t, "row", y[(o*4+k)*inner:][:inner], x[(o*n+i)*inner:][:inner])
		}
	}
	dx := make([]float32, len(x))
	ScatterAddAxis(dx, g, idx, outer, n, inner)
	if a, b := Dot(y, g), Dot(x, dx); a-b > 1e-5 || b-a > 1e-5 {
		t.Errorf("<gather x, g> = %g, <x, scatter g> = %g", a, b)
	}
	if CheckIndices(idx, n) != nil || CheckIndices([]int64{4}, n) == nil || CheckIndices([]int64{-5}, n) == nil {
		t.Error("CheckIndices judged wrong")
	}
}
