package head

import "github.com/plumbline-ml/plumbline/internal/kernel"

// packed is a layer's matrix arranged for products with it and with its transpose.
type packed struct{ w, wT *kernel.PackedB }

// packs returns the arranged layers.
func (n *net) packs() []packed {
	if p := n.ready.Load(); p != nil {
		return *p
	}
	var out []packed
	for l, d := range n.layers {
		in, width := n.Sizes[l], n.Sizes[l+1]
		out = append(out, packed{kernel.Pack(d.w, in, width, width, false), kernel.Pack(d.w, width, in, width, true)})
	}
	n.ready.Store(&out)
	return out
}

// changed must be called after numbers of layers changed.
func (n *net) changed() { n.ready.Store(nil) }

// forward returns the outputs of rows that lie one after another and, for the VJP, every layer's values before its
// activation function. A row's output does not depend on the others.
func (n *net) forward(x []float32) (out []float32, pre [][]float32) {
	rows, h := len(x)/n.Sizes[0], n.scaled(x)
	for l, p := range n.packs() {
		if l > 0 {
			a := make([]float32, len(h))
			kernel.Map(kernel.QuickGELU, a, h)
			h = a
		}
		h = product(h, rows, p.w, n.layers[l].b)
		pre = append(pre, h)
	}
	return h, pre
}

// vjp pulls the outputs' cotangents back to the rows, given what forward kept.
func (n *net) vjp(pre [][]float32, d []float32) []float32 {
	packs := n.packs()
	rows := len(d) / n.Sizes[len(packs)]
	for l := len(packs) - 1; l >= 0; l-- {
		d = product(d, rows, packs[l].wT, nil)
		if l > 0 {
			kernel.MapGrad(kernel.QuickGELU, d, d, pre[l-1])
		}
	}
	width := n.Sizes[0]
	for at := 0; at < len(d); at += width {
		row := d[at : at+width]
		for j := range row {
			row[j] *= n.invStd[j]
		}
	}
	return d
}

// product is rows of x times w, plus bias.
func product(x []float32, rows int, w *kernel.PackedB, bias []float32) []float32 {
	out := make([]float32, rows*w.N)
	scratch := make([]float32, kernel.GemmPackedScratch(rows, w, w.K))
	kernel.GemmPacked(out, w.N, x, w.K, rows, w, false, &kernel.Epilogue{Bias: bias}, 0, w.N, scratch)
	return out
}
