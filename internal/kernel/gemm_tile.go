package kernel

import "unsafe"

// gemmTask is one product C = start + op(A)·B whose B is already in panels.
type gemmTask struct {
	c       []float32 // element (i, j) at i*ldc+j
	ldc     int
	a       []float32 // element (i, p) at i*lda+p, or p*lda+i with transA
	lda     int
	transA  bool
	aTiles  bool      // A is transposed and in tiles, see packTiles
	b       []float32 // element (p, j) at j/16*bPanel + p*16 + j%16
	bPanel  int
	half    []uint16 // B in the same places as numbers of 16 bits, widened to b strip by strip
	format  halfFormat
	m, k    int
	start   []float32 // what the sum of (i, j) starts from, at i*ldstart+j; nil for zero
	ldstart int
}

// gemmTile is one call of a micro-kernel: rows×cols elements of C. The assembly knows the offsets of the
// fields; strides are in bytes.
type gemmTile struct {
	a       *float32 // 0: first row
	b       *float32 // 8: first row of the first panel
	c       *float32 // 16
	start   *float32 // 24: start values
	next    uintptr  // 32: address to prefetch from; nothing is read there
	lda     uintptr  // 40: between rows of A; with transA between the steps of k
	bPanel  uintptr  // 48: between panels
	ldc     uintptr  // 56
	ldstart uintptr  // 64: 0 repeats one row
	k       int      // 72
	rows    int      // 80: from 1 to the kernel's height
	cols    int      // 88: from 1 to the kernel's width
	transA  int      // 96: 1 if A is read transposed
}

// gemmShape is the size of the largest tile of an instruction set and the depth it works through at a time.
type gemmShape struct {
	rows, cols int
	depth      int
}

var gemmShapes = [...]gemmShape{
	cpuGeneric: {rows: 4, cols: 16, depth: 256},
	cpuAVX2:    {rows: 6, cols: 16, depth: 768},
	cpuAVX512:  {rows: 14, cols: 32, depth: 768},
	cpuNEON:    {rows: 6, cols: 16, depth: 512},
}

// gemmHalfDepth bounds the depth of compressed matrices: a strip that was just widened is to stay in the first-level
// cache as far as it can.
const gemmHalfDepth = 384

// gemmZeros is the start of sums that start at zero.
var gemmZeros [2 * panelCols]float32

// run computes columns n0 ≤ j < n1. The depth is cut into blocks; a later block goes on from the float32
// sums the earlier one left in C, which is the same chain of additions as without blocks.
func (t *gemmTask) run(n0, n1 int) {
	if t.m == 0 {
		return
	}
	s := &gemmShapes[cpuCurrent]
	limit := s.depth
	if t.half != nil {
		limit = min(limit, gemmHalfDepth)
	}
	blocks := max(1, (t.k+limit-1)/limit)
	depth := ((t.k+blocks-1)/blocks + 3) &^ 3
	start, ldstart := t.start, t.ldstart
	for p := 0; ; p += depth {
		k := min(depth, t.k-p)
		for j := n0; j < n1; {
			end := min(n1, (j/s.cols+1)*s.cols)
			next := t.panel(end, p)
			if end == n1 {
				next = t.panel(n0, p+k)
			}
			t.strip(start, ldstart, p, k, j, end, next)
			j = end
		}
		if p+k >= t.k {
			return
		}
		start, ldstart = t.c, t.ldc
	}
}

// panel is where step p of the panel of column j is in b, or 0 past the end.
func (t *gemmTask) panel(j, p int) int {
	if i := j/panelCols*t.bPanel + p*panelCols; i < max(len(t.b), len(t.half)) {
		return i
	}
	return 0
}

// widen converts the panels of the columns n0 ≤ j < n1, depths p to p+k, and puts them where a tile reads.
func (t *gemmTask) widen(tile *gemmTile, p, k, n0, n1 int) {
	tile.bPanel = uintptr(4 * panelCols * k)
	to := t.b
	for j := n0 / panelCols; j*panelCols < n1; j++ {
		from := t.panel(j*panelCols, p)
		t.format.widen(to[:panelCols*k], t.half[from:from+panelCols*k])
		to = to[panelCols*k:]
	}
	tile.b = &t.b[0]
}

// ahead is the address to prefetch from: i numbers into B.
func (t *gemmTask) ahead(i int) uintptr {
	if t.half != nil {
		return uintptr(unsafe.Pointer(&t.half[min(i, len(t.half)-1)]))
	}
	return uintptr(unsafe.Pointer(&t.b[min(i, len(t.b)-1)]))
}

// size is the number of bytes of an element of B.
func (t *gemmTask) size() uintptr {
	if t.half != nil {
		return 2
	}
	return 4
}

// tiles is the number of tiles that the rows are cut into.
func (t *gemmTask) tiles() int {
	height := gemmShapes[cpuCurrent].rows
	return (t.m + height - 1) / height
}

// tileRows is the height of tile n, which starts at row i. The rows are shared out evenly: 50 are 13, 13, 12 and 12.
func (t *gemmTask) tileRows(i, n, tiles int) int {
	return (t.m - i + tiles - n - 1) / (tiles - n)
}

// strip computes columns n0 ≤ j < n1, at most one tile wide, over the depths p to p+k, from the given start.
// Meanwhile the strip at next is prefetched.
func (t *gemmTask) strip(start []float32, ldstart, p, k, n0, n1, next int) {
	tile := gemmTile{
		lda: uintptr(t.lda) * 4, bPanel: uintptr(t.bPanel) * 4, ldc: uintptr(t.ldc) * 4, ldstart: uintptr(ldstart) * 4,
		k: k, cols: n1 - n0, start: &gemmZeros[0],
	}
	if t.transA {
		tile.transA = 1
	}
	if start == nil {
		tile.ldstart = 0
	}
	switch {
	case k == 0:
	case t.half != nil:
		t.widen(&tile, p, k, n0, n1)
	default:
		tile.b = &t.b[t.panel(n0, p)]
	}
	t.column(&tile, start, ldstart, p, n0, n1, next)
}

// column computes the tiles of a strip one below the other. The rows are shared out evenly: 50 are 13, 13, 12 and 12.
// All that the tiles touch is checked first.
func (t *gemmTask) column(tile *gemmTile, start []float32, ldstart, p, n0, n1, next int) {
	tiles := t.tiles()
	rows, taller := t.m/tiles, t.m%tiles
	tile.c = &t.c[n0]
	_ = t.c[(t.m-1)*t.ldc+n1-1]
	if start != nil {
		tile.start = &start[n0]
		_ = start[(t.m-1)*ldstart+n1-1]
	}
	var down, from, ahead uintptr // bytes from a row of A to the next; what to prefetch
	if tile.k > 0 {
		tile.a, down = t.rowsOfA(p, tile.k)
		from, ahead = t.ahead(next), uintptr(tile.k/4*panelCols)*t.size()
	}
	skip := n0 % panelCols
	whole := skip == 0 && (cpuCurrent == cpuAVX512 || tile.cols == panelCols)
	for i, n := 0, 0; n < tiles; n++ {
		tile.rows = rows
		if n < taller {
			tile.rows++
		}
		if t.aTiles && tile.k > 0 {
			tile.a, tile.lda = &t.a[i*t.k+p*tile.rows], uintptr(tile.rows)*4
		}
		tile.next = from + uintptr(n%4)*ahead
		if whole {
			gemmKernel(tile)
		} else {
			tile.part(skip)
		}
		if i += tile.rows; i < t.m { // nothing points behind the last row
			tile.c, tile.start = gemmAt(tile.c, tile.ldc, tile.rows), gemmAt(tile.start, tile.ldstart, tile.rows)
			tile.a = gemmAt(tile.a, down, tile.rows)
		}
	}
}

// rowsOfA is the first row of A from step p on, with k steps, and how many bytes on the next one is.
func (t *gemmTask) rowsOfA(p, k int) (first *float32, down uintptr) {
	if t.aTiles {
		_ = t.a[(t.m-1)*t.k+p+k-1]
		return nil, 0
	}
	_ = t.a[t.aIndex(t.m-1, p+k-1)]
	if t.transA {
		return &t.a[t.aIndex(0, p)], 4
	}
	return &t.a[t.aIndex(0, p)], uintptr(t.lda) * 4
}

// aIndex is where element (i, p) of op(A) is.
func (t *gemmTask) aIndex(i, p int) int {
	if t.transA {
		return p*t.lda + i
	}
	return i*t.lda + p
}

// part runs the micro-kernel on a tile whose first column is the one after skip columns of its panel, or which is
// narrower than the kernel can do. It works on a copy of the tile.
func (g *gemmTile) part(skip int) {
	var start, c [gemmMaxRows * 2 * panelCols]float32
	const ld = 2 * panelCols
	h := *g
	h.start, h.c, h.ldstart, h.ldc, h.cols = &start[0], &c[0], ld*4, ld*4, (skip+g.cols+panelCols-1)&^(panelCols-1)
	for i := range g.rows {
		copy(start[i*ld+skip:], unsafe.Slice(gemmAt(g.start, g.ldstart, i), g.cols))
	}
	gemmKernel(&h)
	for i := range g.rows {
		copy(unsafe.Slice(gemmAt(g.c, g.ldc, i), g.cols), c[i*ld+skip:])
	}
}

const gemmMaxRows = 14

// gemmAt returns the address i strides of ld bytes behind p.
func gemmAt(p *float32, ld uintptr, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), uintptr(i)*ld))
}
