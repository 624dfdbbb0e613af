package attack

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

// clsAttention returns the class token's attention to every patch token, averaged over heads:
// mean_h softmax(q_cls·k/√d_h), of queries and keys of T tokens with heads side by side.
func clsAttention(q, k []float32, tokens int, spec encoder.Spec) ([]float64, error) {
	if !spec.CLS || spec.Heads < 1 || tokens < 1 || len(q) != len(k) || len(q)%(tokens*spec.Heads) != 0 {
		return nil, fmt.Errorf("attack: %s has no class-token attention of %d heads over %d tokens", spec.Name, spec.Heads, tokens)
	}
	d := len(q) / tokens
	dh := d / spec.Heads
	out := make([]float64, tokens-spec.Prefix())
	p := make([]float64, tokens)
	for h := range spec.Heads {
		top := math.Inf(-1)
		for t := range tokens {
			s := 0.0
			for c := h * dh; c < (h+1)*dh; c++ {
				s += float64(q[c]) * float64(k[t*d+c])
			}
			p[t] = s / math.Sqrt(float64(dh))
			top = max(top, p[t])
		}
		sum := 0.0
		for t := range p {
			p[t] = math.Exp(p[t] - top)
			sum += p[t]
		}
		for t := range out {
			out[t] += p[t+spec.Prefix()] / sum / float64(spec.Heads)
		}
	}
	return out, nil
}
