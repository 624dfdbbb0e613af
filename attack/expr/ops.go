package expr

import G "gorgonia.org/gorgonia"

// Mean returns the mean of all entries; it takes a node with its error so that calls nest.
func Mean(x *G.Node, err error) (*G.Node, error) {
	if err != nil {
		return nil, err
	}
	return G.Mean(x)
}

// MeanCosine returns the mean over rows of the cosine of two T×D matrices, or the cosine of two vectors.
func MeanCosine(a, b *G.Node) (*G.Node, error) {
	axis := a.Dims() - 1
	ab, err := rowSum(a, b, axis)
	if err != nil {
		return nil, err
	}
	aa, err := rowSum(a, a, axis)
	if err != nil {
		return nil, err
	}
	bb, err := rowSum(b, b, axis)
	if err != nil {
		return nil, err
	}
	squares, err := G.HadamardProd(aa, bb)
	if err != nil {
		return nil, err
	}
	norms, err := G.Sqrt(squares)
	if err != nil {
		return nil, err
	}
	cos, err := G.HadamardDiv(ab, norms)
	if err != nil || cos.IsScalar() {
		return cos, err
	}
	return G.Mean(cos)
}

// rowSum returns Σ a·b along an axis.
func rowSum(a, b *G.Node, axis int) (*G.Node, error) {
	p, err := G.HadamardProd(a, b)
	if err != nil {
		return nil, err
	}
	return G.Sum(p, axis)
}
