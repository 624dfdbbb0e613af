package kernel

import (
	"fmt"
	"testing"
)

// attnBenchTokens are the sequence lengths of ViT-B/32 and B/16 at 224 pixels, L/14 at 224, B/16 at 384 and at 512.
var attnBenchTokens = []int{50, 197, 257, 577, 1025}

// BenchmarkAttention is 4·T²·D operations per head forward and 10·T²·D backward, the logits being computed again.
func BenchmarkAttention(b *testing.B) {
	for _, n := range attnBenchTokens {
		c := attnMake(AttnShape{Heads: 12, Tq: n, Tk: n, D: 64, Dv: 64, Scale: 0.125}, 1, false)
		scratch := make([]float32, max(AttentionScratch(&c.AttnShape), AttentionGradScratch(&c.AttnShape)))
		flops := float64(c.Heads) * float64(n) * float64(n) * 64
		b.Run(fmt.Sprintf("pass=forward/tokens=%d", n), func(b *testing.B) {
			benchAgainstPeak(b, 4*flops, func() {
				Attention(c.o, c.q, c.k, c.v, c.lse, &c.AttnShape, 0, c.Heads, scratch)
			})
		})
		b.Run(fmt.Sprintf("pass=backward/tokens=%d", n), func(b *testing.B) {
			benchAgainstPeak(b, 10*flops, func() {
				AttentionGrad(c.dq, c.dk, c.dv, c.do, c.q, c.k, c.v, c.o, c.lse, &c.AttnShape, 0, c.Heads, scratch)
			})
		})
	}
}
