package eval

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"gorgonia.org/tensor"
)

// attempt crafts, saves and judges the k-th attempt on a batch, and records it.
func (r *runner) attempt(ctx context.Context, b *batch, k int) error {
	crafted, err := r.craft(ctx, b, k)
	if err != nil {
		return fmt.Errorf("eval: %s: %w", r.id(k), err)
	}
	entries := make([]*entry, len(b.samples))
	shown := make([]*dataset.Sample, len(b.samples))  // from the files
	floats := make([]*dataset.Sample, len(b.samples)) // before rounding
	errs := make([]error, len(b.samples))
	each(len(b.samples), r.Workers, func(i int) {
		if entries[i], shown[i], errs[i] = r.save(b.index[i], b.samples[i], k, crafted.Result, i); errs[i] == nil && crafted.from != nil {
			entries[i].Outcome.From = crafted.from[i]
		}
	})
	for i, s := range b.samples {
		if errs[i] != nil {
			return fmt.Errorf("eval: %s: %s: %w", r.id(k), s.ID, errs[i])
		}
		f := *s
		f.Image = crafted.Adv[i]
		floats[i] = &f
	}
	if err := r.answer(ctx, b, entries, shown, floats, k); err != nil {
		return fmt.Errorf("eval: %s: %w", r.id(k), err)
	}
	return r.record(b, entries)
}

// craft makes the images of the k-th attempt.
func (r *runner) craft(ctx context.Context, b *batch, k int) (found, error) {
	if r.system(k) != "" {
		return r.craftWhiteBox(ctx, b, k)
	}
	res, err := r.craftOnEncoder(ctx, b, k)
	return found{Result: res}, err
}

// craftOnEncoder runs the attack; attempt 0 hands out the clean images.
func (r *runner) craftOnEncoder(ctx context.Context, b *batch, k int) (*attack.Result, error) {
	images, names := make([]*tensor.Dense, len(b.samples)), make([]string, len(b.samples))
	for i, s := range b.samples {
		images[i], names[i] = s.Image, s.ID
	}
	if k == 0 {
		res := &attack.Result{Adv: images, Outcomes: make([]attack.Outcome, len(images))}
		for i := range res.Outcomes {
			res.Outcomes[i].Status = attack.Done
		}
		return res, nil
	}
	at := r.Attempts[k-1]
	if at.saved > 0 {
		return r.reread(b, at)
	}
	enc := r.Encoder
	if at.Source != nil {
		enc = at.Source
	}
	opts := []attack.Option{attack.Names(names)}
	if r.Workers > 0 {
		opts = append(opts, attack.Workers(r.Workers))
	}
	if at.Options != nil {
		more, err := at.Options(b.samples)
		if err != nil {
			return nil, err
		}
		opts = append(opts, more...)
	}
	res, err := at.Attack.Run(ctx, enc, images, at.Threat, opts...)
	if err != nil && r.trial != nil && ctx.Err() == nil {
		return refused(images, err), nil
	}
	if err != nil {
		return nil, err
	}
	if len(res.Adv) != len(images) || len(res.Outcomes) != len(images) {
		return nil, errEmptyResult
	}
	return res, nil
}

// save rounds one image, writes its file and has the judge read it back.
func (r *runner) save(index int, s *dataset.Sample, k int, crafted *attack.Result, i int) (*entry, *dataset.Sample, error) {
	out := crafted.Outcomes[i]
	levels, rounded, reason := 0, s.Image, ""
	if k > 0 {
		at := r.Attempts[k-1]
		levels = at.Threat.Eps.Levels()
		q, err := attack.Quantize(at.Threat, i, s.Image, crafted.Adv[i])
		if err == nil {
			rounded = q
		} else {
			reason = err.Error()
		}
	}
	name := picturePath(k, r.fullID(k), s.ID)
	if err := r.makeFolder(name); err != nil {
		return nil, nil, err
	}
	if err := attack.WritePNG(filepath.Join(r.dir, filepath.FromSlash(name)), rounded); err != nil {
		return nil, nil, err
	}
	o, shown, err := JudgeFile(r.dir, name, s, levels)
	if err != nil {
		return nil, nil, err
	}
	o.Attack, o.System, o.Notes = r.id(k), r.system(k), out.Warnings
	o.Status, o.Reason = status(out, reason)
	if k > 0 {
		claimed := report.Number(out.Value)
		o.Claimed = &claimed
	}
	e := &entry{Index: index, Attack: r.id(k), System: r.system(k), Outcome: o, Seconds: out.Cost.Seconds,
		Cost: report.Cost{Forwards: int64(out.Cost.Forwards), Backwards: int64(out.Cost.Backwards), Queries: int64(out.Cost.Queries)}}
	return e, shown, nil
}

// status translates how the attack ended. A failed attack's image is still judged as it is: the flags of
// the report say that it is no evidence of strength.
func status(o attack.Outcome, rounding string) (status, reason string) {
	switch o.Status {
	case attack.Failed, attack.NonFinite, attack.Cancelled:
		reason = string(o.Status)
		if o.Err != nil {
			reason = o.Err.Error()
		}
		if o.Status == attack.NonFinite {
			return "non-finite", reason
		}
		return "failed", reason
	}
	if rounding != "" {
		return "failed", rounding
	}
	return "ok", ""
}

// answer fills drift and responses from the judged files and from the unrounded images.
func (r *runner) answer(ctx context.Context, b *batch, entries []*entry, shown, floats []*dataset.Sample, k int) error {
	tokens := b.tokens
	var err error
	if k > 0 {
		if tokens, err = activations(ctx, r.Encoder, shown, r.layers); err != nil {
			return err
		}
	}
	spec := r.Encoder.Spec()
	for i, e := range entries {
		var clean, adv []head.Activation
		for l := range tokens {
			clean, adv = append(clean, b.tokens[l][i]), append(adv, tokens[l][i])
		}
		if err := measureDrift(&e.Outcome, spec, clean, adv); err != nil {
			return err
		}
		if e.System != "" {
			e.Outcome.Tokens = nil // one grid for each system and image would swell the report
		}
	}
	for _, g := range r.asked(k) {
		fromFile, err := g.Answer(ctx, shown)
		if err != nil {
			return err
		}
		fromFloat := fromFile
		f, ok := g.(fileBased)
		if k > 0 && !(ok && f.filesOnly()) {
			if fromFloat, err = g.Answer(ctx, floats); err != nil {
				return err
			}
		}
		if len(fromFile) != len(entries) || len(fromFloat) != len(entries) {
			return errors.New("a group of systems answered about another number of images")
		}
		for i, e := range entries {
			e.Responses, e.Float = append(e.Responses, fromFile[i]...), append(e.Float, fromFloat[i]...)
		}
	}
	return nil
}

// each calls f for 0 … n−1 on some goroutines (workers, or GOMAXPROCS where that is 0) and waits.
func each(n, workers int, f func(int)) {
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		}()
	}
	wg.Wait()
}
