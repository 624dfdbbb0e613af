package graph

import (
	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// rmsNorm writes x·1/√(mean(x²)+eps)·scale; the operator of its own came with operator set 23.
func (e *emitter) rmsNorm(n *Node, op RMSNorm, in []string) {
	power := e.add(e.rowMean(e.mul(in[0], in[0])), e.number(float64(op.Eps)))
	rstd := e.unary(kernel.ReciprocalSqrt, power)
	y := e.mul(in[0], rstd)
	if op.Scale {
		y = e.mul(y, in[1])
	}
	e.give(n.Out[0], y)
	e.give(n.Out[1], e.reshape(rstd, n.Out[1].Shape))
}

// rmsNormGrad is rstd·(g - x̂·mean(g·x̂)) + add with g = dy·scale and x̂ = x·rstd.
func (e *emitter) rmsNormGrad(n *Node, op RMSNormGrad, in []string) string {
	shape := append(append([]int(nil), n.In[1].Shape[:len(n.In[1].Shape)-1]...), 1)
	rstd := e.reshape(in[2], shape)
	hat, g := e.mul(in[1], rstd), in[0]
	if op.Scale {
		g = e.mul(g, in[3])
	}
	d := e.mul(rstd, e.sub(g, e.mul(hat, e.rowMean(e.mul(g, hat)))))
	if op.Add {
		d = e.add(d, in[len(in)-1])
	}
	return d
}

// rotary writes x∘C + x'∘S; x' is gathered along the last axis.
func (e *emitter) rotary(n *Node, op Rotary, in []string) string {
	d := n.In[0].Shape[len(n.In[0].Shape)-1]
	partner := make([]int, d)
	for i := range partner {
		partner[i] = i ^ 1
		if op.Half {
			partner[i] = (i + d/2) % d
		}
	}
	rows, turn := []int{-1, op.Rows, op.Inner, d}, []int{op.Rows, 1, d}
	x := e.reshape(in[0], rows)
	swapped := e.emit("Gather", []string{x, e.vector(partner)}, onnx.IntAttr("axis", -1))
	y := e.add(e.mul(x, e.reshape(in[1], turn)), e.mul(swapped, e.reshape(in[2], turn)))
	return e.reshape(y, n.Out[0].Shape)
}
