package text

import (
	"context"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Embed returns one embedding per prompt, as the text encoder gives it.
func Embed(ctx context.Context, m *encoder.TextModel, s Sequencer, prompts []string) ([][]float32, error) {
	tokens := make([][]int64, len(prompts))
	for i, p := range prompts {
		var err error
		if tokens[i], err = s.Sequence(p, m.Context()); err != nil {
			return nil, err
		}
	}
	level(tokens)
	out, err := m.Embed(ctx, tokens)
	if err != nil {
		return nil, err
	}
	width, all := out.Shape()[1], out.Float32s()
	rows := make([][]float32, len(prompts))
	for i := range rows {
		rows[i] = all[i*width : (i+1)*width]
	}
	return rows, nil
}

// level pads sequences of several lengths, from a tokenizer without a length for an encoder that takes any, to the
// longest, by repeating their last token, which ends the text.
func level(tokens [][]int64) {
	longest := 0
	for _, t := range tokens {
		longest = max(longest, len(t))
	}
	for i, t := range tokens {
		for len(t) < longest && len(t) > 0 {
			t = append(t, t[len(t)-1])
		}
		tokens[i] = t
	}
}

// Direction is the unit mean of the unit rows: the embedding of a class that several prompts describe (Radford et
// al., arXiv 2103.00020, §3.1.4).
func Direction(rows [][]float32) ([]float32, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("text: no prompt")
	}
	mean := make([]float64, len(rows[0]))
	for i, r := range rows {
		n := length(r)
		if !(n > 0) || math.IsInf(n, 0) {
			return nil, fmt.Errorf("text: the embedding of prompt %d has length %v", i, n)
		}
		for j, v := range r {
			mean[j] += float64(v) / n
		}
	}
	var square float64
	for _, v := range mean {
		square += v * v
	}
	if square == 0 {
		return nil, fmt.Errorf("text: the embeddings of %d prompts cancel each other", len(rows))
	}
	out := make([]float32, len(mean))
	for j, v := range mean {
		out[j] = float32(v / math.Sqrt(square))
	}
	return out, nil
}

func length(r []float32) float64 {
	var square float64
	for _, v := range r {
		square += float64(v) * float64(v)
	}
	return math.Sqrt(square)
}
