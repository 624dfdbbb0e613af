package eval

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// runTrials carries out the trials of defences after the plan itself, whose journal is j.
func (p *Plan) runTrials(ctx context.Context, j *Journal, dir string, resume bool) error {
	before := len(j.entries) + len(j.skipped)*(1+len(p.Attempts))
	for k, t := range p.Trials {
		folder := filepath.Join(dir, filepath.FromSlash(t.folder(k)))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		sub := p.trialPlan(k, dir)
		done, err := sub.runIn(ctx, folder, resume, before)
		if err != nil {
			return err
		}
		before += len(done.entries) + len(done.skipped)*(1+len(sub.Attempts))
		j.trials = append(j.trials, done)
	}
	return nil
}

// reread hands out the files that an attempt of the whole plan left, to be judged behind a defence.
func (r *runner) reread(b *batch, at Attempt) (*attack.Result, error) {
	res := &attack.Result{Outcomes: make([]attack.Outcome, len(b.samples))}
	for i, s := range b.samples {
		image, err := readPicture(r.parentDir, picturePath(at.saved, at.ID(), s.ID))
		if err != nil {
			return nil, err
		}
		res.Adv = append(res.Adv, image)
		res.Outcomes[i].Status = attack.Done
	}
	return res, nil
}

// readPicture reads a file of a run.
func readPicture(dir, name string) (*tensor.Dense, error) {
	pixels, err := dataset.ReadImage(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	return dataset.Planar(pixels), nil
}

// refused is the result of an attack that a defence gives nothing to work with: the images as they are. Other
// attacks go on, and the report says that this one failed.
func refused(images []*tensor.Dense, err error) *attack.Result {
	res := &attack.Result{Adv: images, Outcomes: make([]attack.Outcome, len(images))}
	for i := range images {
		res.Outcomes[i].Status, res.Outcomes[i].Err = attack.Failed, err
	}
	return res
}

// How often one image is timed with and without a defence, and how many images.
const (
	latencyRounds = 7
	latencyImages = 4
)

// measureLatency times one image at a time with and without the trial's defence, in turn, unless the journal
// holds it already.
func (r *runner) measureLatency(ctx context.Context) error {
	if r.trial == nil || r.journal.latency != nil {
		return nil
	}
	var plain, added []float64
	for i := range r.Data.Samples {
		if len(added) == latencyRounds*latencyImages {
			break
		}
		s, err := r.Data.Load(i)
		if err != nil {
			continue
		}
		for range latencyRounds {
			without, err := milliseconds(ctx, r.trial.plain, s.Image)
			if err != nil {
				return err
			}
			with, err := milliseconds(ctx, r.Encoder, s.Image)
			if err != nil {
				return err
			}
			plain, added = append(plain, without), append(added, with-without)
		}
	}
	return r.journal.add(line{Latency: &report.Latency{Undefended: median(plain), Added: median(added)}})
}

// milliseconds is how long one image takes to its tokens.
func milliseconds(ctx context.Context, e encoder.Encoder, image *tensor.Dense) (float64, error) {
	start := time.Now()
	_, err := encoder.Activations(ctx, e, []*tensor.Dense{image}, encoder.Tokens)
	return float64(time.Since(start)) / 1e6, err
}

// median is 0 of nothing.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
