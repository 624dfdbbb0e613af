package main

import (
	"context"
	"slices"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// inform tells attacks on the encoder what they need beside the images: the configuration's target, prototypes
// and pictures to mix in.
func (c config) inform(ctx context.Context, enc encoder.Encoder, data *dataset.Dataset, attempts []eval.Attempt) error {
	use := func(n attack.Needs) bool {
		return n.Image || n.Embedding || n.Prototypes || n.MayMix && c.Inputs.Mix != ""
	}
	for _, at := range attempts {
		if err := c.informed(at); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(attempts, func(at eval.Attempt) bool { return use(attack.NeedsOf(at.Attack)) }) {
		return nil
	}
	in, err := c.Inputs.open(ctx, c.Encoder, enc, data)
	if err != nil {
		return err
	}
	if len(in.embeddings) > 1 {
		return usagef("%s holds %d embeddings: check takes one for all images", c.Inputs.TargetText, len(in.embeddings))
	}
	for k := range attempts {
		if use(attack.NeedsOf(attempts[k].Attack)) {
			attempts[k].Options = func(images []*dataset.Sample) ([]attack.Option, error) {
				return []attack.Option{attack.WithTask(in.task(nil, images))}, nil
			}
		}
	}
	return nil
}

// informed reports what an attack on the encoder needs and the configuration does not give.
func (c config) informed(at eval.Attempt) error {
	n, name := attack.NeedsOf(at.Attack), attackName(at.Attack)
	switch {
	case at.System != "":
		return nil
	case n.Head:
		return usagef("%s needs a head: write white-box(%s), which goes against every system with that system's own", name, at.Name)
	case n.Image && c.Inputs.Target == "":
		return usagef("%s needs a picture to imitate: give inputs: {target: FILE} in the configuration", name)
	case n.Embedding && c.Inputs.TargetText == "":
		return usagef("%s needs an embedding to imitate: give inputs: {target_text: prompt or .npy} in the configuration", name)
	case n.Prototypes && c.Inputs.Prototypes == "":
		return usagef("%s needs prototypes: give inputs: {prototypes: DIR} in the configuration, or the parameter lambda=0", name)
	}
	return nil
}
