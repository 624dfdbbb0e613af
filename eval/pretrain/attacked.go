package pretrain

import (
	"context"
	"fmt"
	"strings"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// attacked returns the test images under a condition.
func (b Bench) attacked(ctx context.Context, e encoder.Encoder, h benchHeads, data *dataset.Dataset, test []*dataset.Sample, condition string) ([]*tensor.Dense, error) {
	images := make([]*tensor.Dense, len(test))
	for i, s := range test {
		images[i] = s.Image
	}
	var adv []*tensor.Dense
	eps, err := attack.ParseEps(b.Eps)
	if err != nil {
		return nil, err
	}
	threat := attack.Linf(eps)
	switch condition {
	case "clean":
		return images, nil
	case "prm":
		adv, err = b.prm(ctx, e, threat, images)
	case "apgd":
		adv, err = b.against(ctx, e, threat, h.zero, data, test, fmt.Sprintf("apgd-ce(steps=%d)", b.Steps))
	case "apgd-pixels":
		adv, err = b.against(ctx, e, threat, h.segment, data, test, fmt.Sprintf("apgd-ce(steps=%d,stop=never)", b.Steps))
	default:
		return nil, fmt.Errorf("no such condition; there are %s", strings.Join(Conditions, ", "))
	}
	if err != nil {
		return nil, err
	}
	for i := range images {
		if images[i], err = attack.Quantize(threat, i, images[i], adv[i]); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// prm attacks the encoder alone.
func (b Bench) prm(ctx context.Context, e encoder.Encoder, threat attack.ThreatModel, images []*tensor.Dense) ([]*tensor.Dense, error) {
	a, err := attack.Parse(fmt.Sprintf("prm(steps=%d)", b.Steps))
	if err != nil {
		return nil, err
	}
	res, err := a.Run(ctx, e, images, threat)
	if err != nil {
		return nil, err
	}
	return res.Adv, nil
}

// against attacks each image through a head's own loss.
func (b Bench) against(ctx context.Context, e encoder.Encoder, threat attack.ThreatModel, h head.Head, data *dataset.Dataset, test []*dataset.Sample, text string) ([]*tensor.Dense, error) {
	a, err := attack.Parse(text)
	if err != nil {
		return nil, err
	}
	return eval.AgainstHead(ctx, e, h, data, test, a, threat)
}
