package head

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// builder adds nodes to a graph and remembers the first error; after it every call gives nil.
type builder struct{ err error }

func (b *builder) do(f func() (*G.Node, error)) *G.Node {
	if b.err != nil {
		return nil
	}
	n, err := f()
	b.err = err
	return n
}

func (b *builder) mul(x, y *G.Node) *G.Node {
	return b.do(func() (*G.Node, error) { return G.Mul(x, y) })
}

// addRow adds a 1×k row to every row of x.
func (b *builder) addRow(x, row *G.Node) *G.Node {
	return b.do(func() (*G.Node, error) { return G.BroadcastAdd(x, row, nil, []byte{0}) })
}

func (b *builder) times(x, y *G.Node) *G.Node {
	return b.do(func() (*G.Node, error) { return G.HadamardProd(x, y) })
}

func (b *builder) plus(x, y *G.Node) *G.Node {
	if x == nil {
		return y
	}
	return b.do(func() (*G.Node, error) { return G.Add(x, y) })
}

func (b *builder) scaled(x *G.Node, by float32) *G.Node {
	return b.do(func() (*G.Node, error) { return G.Mul(x, G.NewConstant(by)) })
}

func (b *builder) quickGELU(x *G.Node) *G.Node {
	k := b.scaled(x, 1.702)
	s := b.do(func() (*G.Node, error) { return G.Sigmoid(k) })
	return b.times(x, s)
}

func (b *builder) reshape(x *G.Node, to ...int) *G.Node {
	return b.do(func() (*G.Node, error) { return G.Reshape(x, tensor.Shape(to)) })
}

func (b *builder) sum(x *G.Node) *G.Node {
	return b.do(func() (*G.Node, error) { return G.Sum(x) })
}

// columns are columns lo to hi of x; all of them need no slice.
func (b *builder) columns(x *G.Node, lo, hi int) *G.Node {
	if b.err != nil || lo == 0 && hi == x.Shape()[1] {
		return x
	}
	return b.do(func() (*G.Node, error) { return G.Slice(x, nil, G.S(lo, hi)) })
}

// crossEntropy is −Σ weight·log softmax(logits), softmax along rows.
func (b *builder) crossEntropy(logits, weight *G.Node) *G.Node {
	l := b.do(func() (*G.Node, error) { return G.LogSoftMax(logits, 1) })
	return b.scaled(b.sum(b.times(l, weight)), -1)
}

// squaredError is Σ weight·(x − want)².
func (b *builder) squaredError(x, want, weight *G.Node) *G.Node {
	d := b.do(func() (*G.Node, error) { return G.Sub(x, want) })
	return b.sum(b.times(b.times(d, d), weight))
}
