package kernel

import "fmt"

// CheckIndices reports the first index outside -n ≤ i < n, the range GatherAxis and ScatterAddAxis accept.
func CheckIndices(idx []int64, n int) error {
	for k, i := range idx {
		if i < int64(-n) || i >= int64(n) {
			return fmt.Errorf("index %d at position %d is outside an axis of length %d", i, k, n)
		}
	}
	return nil
}

// GatherAxis copies dst[o, k, :] = src[o, idx[k], :], where src is outer × axisLen × inner and dst is
// outer × len(idx) × inner. A negative index counts from the end; one that CheckIndices refuses panics.
func GatherAxis[T any](dst, src []T, idx []int64, outer, axisLen, inner int) {
	for o := range outer {
		for k, i := range idx {
			from := (o*axisLen + position(i, axisLen)) * inner
			to := (o*len(idx) + k) * inner
			copy(dst[to:to+inner], src[from:from+inner])
		}
	}
}

// ScatterAddAxis adds src[o, k, :] to dst[o, idx[k], :], the transpose of GatherAxis: dst is outer × axisLen × inner
// and src is outer × len(idx) × inner.
func ScatterAddAxis(dst, src []float32, idx []int64, outer, axisLen, inner int) {
	for o := range outer {
		for k, i := range idx {
			to := (o*axisLen + position(i, axisLen)) * inner
			from := (o*len(idx) + k) * inner
			AddTo(dst[to:to+inner], src[from:from+inner])
		}
	}
}

func position(i int64, n int) int {
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		panic("kernel: index outside the axis")
	}
	return int(i)
}
