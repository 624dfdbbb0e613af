package kernel

const (
	transposeEdge  = 8   // edge of the tile that the assembly turns in registers
	transposeDepth = 256 // rows of the source read before the next columns, so that their lines are still in the cache
)

// transposeFast is transposeMatrix in assembly; it reports whether it ran. Tiles at the ends overlap their neighbours,
// which costs less than single elements.
func transposeFast[T any](y []T, ldy int, x []T, ldx, rows, cols int) bool {
	to, ok := any(y).([]float32)
	if !ok || elem() == nil || rows < transposeEdge || cols < transposeEdge {
		return false
	}
	from := any(x).([]float32)
	_, _ = to[(rows-1)*ldy+cols-1], from[(cols-1)*ldx+rows-1]
	for c := 0; c < cols; c += transposeDepth {
		n := min(transposeDepth, cols-c)
		for r := 0; r < rows; r += transposeEdge {
			transposeStrip(to, ldy, from, ldx, min(r, rows-transposeEdge), c, n)
		}
	}
	return true
}

// transposeStrip does n columns from c on of eight rows of y.
func transposeStrip(y []float32, ldy int, x []float32, ldx, r, c, n int) {
	if tiles := n / transposeEdge; tiles > 0 {
		elemKernelsAVX2.transpose(&y[r*ldy+c], &x[c*ldx+r], ldy*floatBytes, ldx*floatBytes, tiles)
	}
	if n%transposeEdge > 0 {
		c += n - transposeEdge
		elemKernelsAVX2.transpose(&y[r*ldy+c], &x[c*ldx+r], ldy*floatBytes, ldx*floatBytes, 1)
	}
}
