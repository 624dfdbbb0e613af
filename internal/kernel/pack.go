package kernel

import "unsafe"

// panelCols is the width of a panel, the unit in which right-hand matrices are laid out for every
// instruction set: 16 columns are one 64-byte line, one AVX-512, two AVX2 or four NEON registers.
const panelCols = 16

// PackedB is a K×N right-hand matrix laid out for the matrix kernels: panels of 16 columns, in each the K
// rows one after another, the last panel filled with zeros. It is immutable once packed, may be shared
// between goroutines, and serves every instruction set.
type PackedB struct {
	K, N   int
	data   []float32
	half   []uint16 // instead of data, in the same layout
	format halfFormat
}

// Pack lays out the K×N matrix b, b[p*ldb+j] being row p, column j. With trans, b holds the N×K transpose
// instead, b[j*ldb+p] being row p, column j: the layout of a linear layer's weight in PyTorch.
func Pack(b []float32, k, n, ldb int, trans bool) *PackedB {
	p := &PackedB{K: k, N: n, data: packAlloc(packLen(k, n))}
	packPanels(p.data, b, ldb, trans, k, n, 1)
	return p
}

// Unpack is the inverse of Pack: it writes the matrix (with trans, its transpose) to b.
func (p *PackedB) Unpack(b []float32, ldb int, trans bool) {
	for j := range p.N {
		for r := range p.K {
			if trans {
				b[j*ldb+r] = p.at(r, j)
			} else {
				b[r*ldb+j] = p.at(r, j)
			}
		}
	}
}

// at returns the element in row r and column j.
func (p *PackedB) at(r, j int) float32 {
	i := (j/panelCols*p.K+r)*panelCols + j%panelCols
	if p.half != nil {
		return p.format.float32(p.half[i])
	}
	return p.data[i]
}

// Bytes returns the memory the packed matrix holds.
func (p *PackedB) Bytes() int { return 4*len(p.data) + 2*len(p.half) }

// packLen is the number of floats of a packed K×N matrix.
func packLen(k, n int) int { return (n + panelCols - 1) / panelCols * panelCols * k }

// packAlloc returns n zeroed floats starting at a multiple of 64 bytes.
func packAlloc(n int) []float32 {
	s := make([]float32, n+panelCols-1)
	HugePages(s)
	return packAlign(s)[:n]
}

// packAlign drops up to 15 leading floats so that the slice starts at a multiple of 64 bytes.
func packAlign(s []float32) []float32 {
	if len(s) < panelCols {
		return s
	}
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(s))) % 64 / 4
	return s[skip:]
}

// packPanels writes alpha·B, B being K×N (its N×K transpose with trans), to dst in the layout of PackedB.
func packPanels(dst, b []float32, ldb int, trans bool, k, n int, alpha float32) {
	if k == 0 {
		return
	}
	for j := 0; j < n; j += panelCols {
		cols := min(panelCols, n-j)
		panel := dst[j*k : (j+panelCols)*k]
		if trans {
			packPanelTrans(panel, b[j*ldb:], ldb, k, cols, alpha)
		} else {
			packPanel(panel, b[j:], ldb, k, cols, alpha)
		}
	}
}

// packPanel copies cols columns of k rows and fills the panel up with zeros.
func packPanel(panel, b []float32, ldb, k, cols int, alpha float32) {
	_ = b[(k-1)*ldb+cols-1]
	if cols < panelCols || !packRows(panel, panelCols, b, ldb, k) {
		for p := range k {
			row := panel[p*panelCols : (p+1)*panelCols]
			clear(row[copy(row, b[p*ldb:p*ldb+cols]):])
		}
	}
	if alpha != 1 {
		attnScale(panel, 0, 1, len(panel), []float32{alpha})
	}
}

// packPanelTrans is packPanel reading cols rows of length k.
func packPanelTrans(panel, b []float32, ldb, k, cols int, alpha float32) {
	_ = b[(cols-1)*ldb+k-1]
	done := 0
	if cols < panelCols {
		clear(panel)
	} else if k >= panelCols && packTranspose(panel, b, ldb, k/panelCols) {
		done = k &^ (panelCols - 1)
	}
	for j := range cols {
		for p, v := range b[j*ldb+done : j*ldb+k] {
			panel[(done+p)*panelCols+j] = v
		}
	}
	if alpha != 1 {
		attnScale(panel, 0, 1, len(panel), []float32{alpha})
	}
}
