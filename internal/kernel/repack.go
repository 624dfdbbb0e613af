package kernel

// Repack lays out another matrix of the same size in the memory p already holds; b, ldb and trans are as in
// [Pack]. It must not run beside a reader of p.
func (p *PackedB) Repack(b []float32, ldb int, trans bool) {
	packPanels(p.data, b, ldb, trans, p.K, p.N, 1)
}
