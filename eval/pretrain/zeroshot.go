package pretrain

import (
	"context"
	"math"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// Prompts are the sentences whose mean embedding stands for a class of defect.
func Prompts(class int) (out []string) {
	d := surfaces.Defects[class]
	for _, s := range surfaces.Surfaces {
		if class == 0 {
			out = append(out, "a photo of "+s+" without defects", "clean "+s, s+" in good condition with no visible defect")
			continue
		}
		out = append(out, "there is a small "+d+" on the "+s, "there is a large "+d+" on the "+s)
		for _, p := range surfaces.Places {
			out = append(out, s+" with a "+d+" at the "+p)
		}
	}
	return out
}

// ClassEmbeddings are unit rows, one a class: the direction of the mean of its prompts' unit embeddings.
func (t *Trainer) ClassEmbeddings(ctx context.Context) ([][]float32, error) {
	var out [][]float32
	for c := range surfaces.Defects {
		var tokens [][]float32
		for _, p := range Prompts(c) {
			tokens = append(tokens, t.Vocab.Encode(p))
		}
		rows, err := t.Text.ForwardRaw(ctx, tokens, encoder.Embedding)
		if err != nil {
			return nil, err
		}
		unit, _ := normalised(rows)
		mean := make([]float32, len(rows[0]))
		for _, u := range unit {
			for k, x := range u {
				mean[k] += float32(x)
			}
		}
		direction, _ := normalised([][]float32{mean})
		for k, x := range direction[0] {
			mean[k] = float32(x)
		}
		out = append(out, mean)
	}
	return out, nil
}

// Validate implements [train.Task]: the cross-entropy of zero-shot classification of held-out images, and
// the dense part of the loss there.
func (t *Trainer) Validate(ctx context.Context) (float64, error) {
	_, loss, err := t.zeroShot(ctx, t.held)
	if err != nil || t.dense == nil || len(t.held) == 0 {
		return loss, err
	}
	more, err := t.denseLoss(ctx, t.held)
	return loss + more, err
}

// denseLoss is the mean of the dense part of the loss.
func (t *Trainer) denseLoss(ctx context.Context, set []example) (sum float64, err error) {
	out, err := t.Image.Forward(ctx, planar(set), encoder.Tokens)
	if err != nil {
		return 0, err
	}
	all := out[0].Float32s()
	n, first := len(all)/len(set), t.Image.Spec().Prefix()*t.dense.Width
	for i, e := range set {
		sum += t.dense.loss(all[i*n+first:(i+1)*n], e.cells, nil, nil) / float64(len(set))
	}
	return sum, nil
}

func planar(set []example) []*tensor.Dense {
	images := make([]*tensor.Dense, len(set))
	for i, e := range set {
		images[i] = dataset.Planar(e.pixels)
	}
	return images
}

// Accuracy is the share of n test images, drawn from index TestFrom on, whose class of defect is the one
// with the nearest embedding.
func (t *Trainer) Accuracy(ctx context.Context, n int) (right int, err error) {
	test, err := draw(ctx, t.Recipe, TestFrom, n)
	if err != nil {
		return 0, err
	}
	right, _, err = t.zeroShot(ctx, test)
	return right, err
}

func (t *Trainer) zeroShot(ctx context.Context, set []example) (right int, loss float64, err error) {
	classes, err := t.ClassEmbeddings(ctx)
	if err != nil {
		return 0, 0, err
	}
	rows, err := t.embed(ctx, planar(set))
	if err != nil {
		return 0, 0, err
	}
	u, _ := normalised(rows)
	c, _ := normalised(classes)
	scale := t.LogitScale()
	for i, e := range set {
		best, top, sum := 0, math.Inf(-1), 0.0
		for k := range c {
			z := scale * dot(u[i], c[k])
			if z > top {
				best, top = k, z
			}
			sum += math.Exp(z)
		}
		if best == e.class {
			right++
		}
		loss += math.Log(sum) - scale*dot(u[i], c[e.class])
	}
	return right, loss / float64(max(len(set), 1)), nil
}
