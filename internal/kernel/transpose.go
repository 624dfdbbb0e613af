package kernel

// transposeTile is the edge of the square in which ApplyTranspose reads and writes, so that both stay in the cache.
const transposeTile = 16

// Transposition is a reordering of axes, planned once.
//
// Axes that stay neighbours are merged. What is left either keeps its last axis, and rows are copied, or is a set
// of plain matrix transposes between the axis contiguous in the source and the one contiguous in the result.
type Transposition struct {
	size, src, dst []int // outer axes and their strides on both sides
	rows, cols     int   // matrix: rows contiguous in the source, cols contiguous in the result; rows = 0 means row copies
	rowDst, colSrc int   // strides of the two
	total          int
}

// NewTranspose plans y[i_perm[0], i_perm[1], ...] = x[i_0, i_1, ...]: axis k of y is axis perm[k] of x, which has the
// given shape. perm must be a permutation.
func NewTranspose(shape, perm []int) *Transposition {
	in := contiguous(shape)
	size, src := make([]int, len(perm)), make([]int, len(perm))
	for k, a := range perm {
		size[k], src[k] = shape[a], in[a]
	}
	dst := contiguous(size)
	t := &Transposition{total: count(shape)}
	n := collapse(size, src, dst)
	t.size, t.src, t.dst = size[:n], src[:n], dst[:n]
	if t.total == 0 {
		return t
	}
	if n == 0 {
		t.cols = 1
		return t
	}
	t.cols, t.colSrc = size[n-1], src[n-1]
	t.size, t.src, t.dst = size[:n-1], src[:n-1], dst[:n-1]
	for k, s := range t.src {
		if t.colSrc != 1 && s == 1 {
			t.rows, t.rowDst = t.size[k], t.dst[k]
			t.size, t.src, t.dst = without(t.size, k), without(t.src, k), without(t.dst, k)
			break
		}
	}
	return t
}

func without(s []int, k int) []int { return append(append([]int(nil), s[:k]...), s[k+1:]...) }

// ApplyTranspose computes y from x, which must not overlap.
func ApplyTranspose[T any](t *Transposition, y, x []T) {
	if t.total == 0 {
		return
	}
	for i, n := 0, count(t.size); i < n; i++ {
		from, to := offset(i, t.size, t.src), offset(i, t.size, t.dst)
		if t.rows == 0 {
			copy(y[to:to+t.cols], x[from:from+t.cols])
		} else {
			transposeMatrix(y[to:], t.rowDst, x[from:], t.colSrc, t.rows, t.cols)
		}
	}
}

// TransposeMatrix computes y[r·ldy+c] = x[c·ldx+r] for r < rows and c < cols.
func TransposeMatrix(y []float32, ldy int, x []float32, ldx, rows, cols int) {
	transposeMatrix(y, ldy, x, ldx, rows, cols)
}

// transposeMatrix computes y[r·ldy+c] = x[c·ldx+r].
func transposeMatrix[T any](y []T, ldy int, x []T, ldx, rows, cols int) {
	if transposeFast(y, ldy, x, ldx, rows, cols) {
		return
	}
	for r0 := 0; r0 < rows; r0 += transposeTile {
		r1 := min(r0+transposeTile, rows)
		for c0 := 0; c0 < cols; c0 += transposeTile {
			c1 := min(c0+transposeTile, cols)
			for r := r0; r < r1; r++ {
				out := y[r*ldy+c0 : r*ldy+c1]
				at := c0*ldx + r
				for c := range out {
					out[c] = x[at]
					at += ldx
				}
			}
		}
	}
}
