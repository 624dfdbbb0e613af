package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// crafter attacks the pictures of a data set a few at a time.
type crafter struct {
	enc    encoder.Encoder
	attack attack.Attack
	threat *threat
	data   *dataset.Dataset
	in     *attackInputs
	names  []string // of the files, one for each picture
	out    string
	log    *craftLog
}

func (k *crafter) run(ctx context.Context, show func(done, total int)) error {
	chunk := runtime.GOMAXPROCS(0) // few, so that an interrupted run loses little
	if attack.Together(k.attack) {
		chunk = k.data.Len()
	}
	for start := 0; start < k.data.Len(); start += chunk {
		if err := k.chunk(ctx, start, min(start+chunk, k.data.Len())); err != nil {
			return err
		}
		show(min(start+chunk, k.data.Len()), k.data.Len())
	}
	return nil
}

// pictureBatch is some samples, decoded, with their places in the data set.
type pictureBatch struct {
	index   []int
	samples []*dataset.Sample
	images  []*tensor.Dense
	ids     []string
}

// load decodes pictures that are not done yet and reports those that cannot be read. One perturbation for all
// is sought on all again.
func (k *crafter) load(from, to int) (*pictureBatch, error) {
	p := new(pictureBatch)
	left := false
	for i := from; i < to; i++ {
		id := k.data.Samples[i].ID
		done := k.log.has(id)
		if done && !attack.Together(k.attack) {
			continue
		}
		s, err := k.data.Load(i)
		if err != nil {
			if done {
				continue
			}
			if err := k.log.add(crafted{Image: id, Status: "unreadable", Reason: err.Error()}); err != nil {
				return nil, err
			}
			continue
		}
		left = left || !done
		p.index, p.samples, p.images, p.ids = append(p.index, i), append(p.samples, s), append(p.images, s.Image), append(p.ids, id)
	}
	if !left {
		return new(pictureBatch), nil
	}
	return p, nil
}

func (k *crafter) chunk(ctx context.Context, from, to int) error {
	p, err := k.load(from, to)
	if err != nil || len(p.samples) == 0 {
		return firstError(err, ctx.Err())
	}
	tm, err := k.threat.of(p.samples)
	if err != nil {
		return err
	}
	res, err := k.attack.Run(ctx, k.enc, p.images, tm, attack.Names(p.ids), attack.WithTask(k.in.task(p.index, p.samples)))
	if err != nil {
		return err
	}
	for n := range p.samples {
		if k.log.has(p.ids[n]) {
			continue
		}
		c, err := k.save(ctx, p, tm, n, res)
		if err != nil {
			return err
		}
		if err := k.log.add(c); err != nil {
			return err
		}
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// save writes the n-th of some pictures and measures the file.
func (k *crafter) save(ctx context.Context, p *pictureBatch, tm attack.ThreatModel, n int, res *attack.Result) (crafted, error) {
	s, o, name := p.samples[n], res.Outcomes[n], k.names[p.index[n]]
	c := crafted{Image: s.ID, SHA256: s.Hash, Status: string(o.Status), Objective: report.Number(o.Value), Start: report.Number(o.Start),
		Iterations: o.Iters, Forwards: o.Cost.Forwards, Backwards: o.Cost.Backwards, Queries: o.Cost.Queries, Seconds: o.Cost.Seconds, Warnings: o.Warnings}
	if o.Err != nil {
		c.Reason = o.Err.Error()
	}
	q, err := attack.Quantize(tm, n, s.Image, res.Adv[n])
	if err != nil {
		c.Status, c.Reason = string(attack.Failed), err.Error()
		return c, nil
	}
	path := filepath.Join(k.out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return c, err
	}
	if err := attack.WritePNG(path, q); err != nil {
		return c, err
	}
	m, shown, err := eval.JudgeFile(k.out, name, s, tm.Eps.Levels())
	if err != nil {
		return c, err
	}
	inside, size, err := contains(tm, n, s.Image, shown.Image)
	if err != nil {
		return c, err
	}
	if !inside || tm.Norm == attack.NormLinf && !m.Inside {
		return c, fmt.Errorf("%s differs by %v/255 (%s: %v), more than ε = %s", path, m.Linf, tm.Norm, size, tm.Eps)
	}
	c.File, c.FileSHA256, c.Linf, c.L2, c.PSNR, c.SSIM = name, m.SHA256, m.Linf, m.L2, m.PSNR, m.SSIM
	if tm.Norm != attack.NormLinf {
		size := report.Number(size)
		c.Size = &size
	}
	return c, k.look(ctx, &c, s, shown)
}

// look compares what the encoder makes of the clean picture and of the file, and asks the head about both.
func (k *crafter) look(ctx context.Context, c *crafted, clean, shown *dataset.Sample) error {
	spec := k.enc.Spec()
	taps := []encoder.Tap{encoder.Tokens}
	if k.in.head != nil {
		taps = append(taps, k.in.head.Taps()...)
	}
	acts, err := encoder.Activations(ctx, k.enc, []*tensor.Dense{clean.Image, shown.Image}, taps...)
	if err != nil {
		return err
	}
	if s := acts[0].Shape(); len(s) == 3 {
		v := acts[0].Float32s()
		d, err := metric.TokenDrift(v[:len(v)/2], v[len(v)/2:], s[2], spec.Prefix())
		if err != nil {
			return err
		}
		cosine := report.Number(1 - d.Cosine)
		c.TokenCosine = &cosine
	}
	if k.in.head == nil {
		return nil
	}
	if clean.Label >= 0 && clean.Label < len(k.in.classes) {
		c.Label = k.in.classes[clean.Label]
	}
	if c.CleanAnswer, err = k.ask(acts[1:], 0); err != nil {
		return err
	}
	c.Answer, err = k.ask(acts[1:], 1)
	return err
}

// ask returns the class that the head gives the i-th picture.
func (k *crafter) ask(acts []*tensor.Dense, i int) (string, error) {
	one := make([]*tensor.Dense, len(acts))
	for t, a := range acts {
		shape := a.Shape().Clone()
		n := a.Size() / shape[0]
		shape[0] = 1
		one[t] = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(a.Float32s()[i*n:(i+1)*n]))
	}
	label, err := k.in.head.label(one)
	if err != nil {
		return "", err
	}
	if label < len(k.in.classes) {
		return k.in.classes[label], nil
	}
	return fmt.Sprintf("class %d", label), nil
}
