package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// attackFlags are the flags of the attack command.
type attackFlags struct {
	encoder, attack, eps, images, out string
	steps                             int
	seed                              uint64
	resume                            bool
}

func newAttack() *cobra.Command {
	var f attackFlags
	c := &cobra.Command{
		Use:   "attack --encoder MODEL.onnx --attack NAME --eps 8/255 --images DIR --out DIR",
		Short: "Craft adversarial images from an encoder and save them as PNG",
		Long: `Attack changes every picture of a folder by at most ε in each colour value (L∞, of pixels in [0,1] at the
picture's own resolution) and writes the results as 8-bit PNG files of the same names, rounded inwards so
that each file stays inside ε, and report.json with what was done to each. Every file is read back and
measured. A picture that could not be attacked is reported with the reason and does not stop the others;
the exit code is then 3.

NAME is an attack with optional parameters, such as prm or "prm(steps=100)". An interrupted run continues
with --resume.`,
		Example: "  plumbline attack --encoder inspect-tiny --attack prm --eps 8/255 --images photos/ --out adversarial/",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, need := range [][2]string{{"encoder", f.encoder}, {"attack", f.attack}, {"eps", f.eps}, {"images", f.images}, {"out", f.out}} {
				if need[1] == "" {
					return usagef("--%s is required", need[0])
				}
			}
			return craft(c, f)
		},
	}
	c.Flags().StringVar(&f.encoder, "encoder", "", "ONNX file, or the name of an embedded model")
	c.Flags().StringVar(&f.attack, "attack", "", "attack with optional parameters")
	c.Flags().StringVar(&f.eps, "eps", "", "largest change of a colour value, such as 8/255")
	c.Flags().StringVar(&f.images, "images", "", "folder of pictures")
	c.Flags().StringVar(&f.out, "out", "", "folder for the results")
	c.Flags().IntVar(&f.steps, "steps", 0, "steps of the attack (0: its own default)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "seed of everything random")
	c.Flags().BoolVar(&f.resume, "resume", false, "continue an interrupted run")
	return c
}

// craft checks everything that can be wrong, then attacks picture by picture.
func craft(c *cobra.Command, f attackFlags) error {
	a, err := parseAttack(f.attack, f.steps, f.seed)
	if err != nil {
		return err
	}
	eps, err := attack.ParseEps(f.eps)
	if err != nil {
		return err
	}
	enc, artifact, err := openEncoder(f.encoder)
	if err != nil {
		return err
	}
	data, err := dataset.Flat(f.images)
	if err != nil {
		return err
	}
	names, err := outputNames(data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return err
	}
	head := craftHead{Schema: craftSchema, Tool: "plumbline " + version(), Arithmetic: arithmetic(), Encoder: artifact,
		Attack: a.String(), Threat: attack.Linf(eps).String(), Eps: eps.String()}
	log, err := openCraftLog(filepath.Join(f.out, craftLogName), head, f.resume)
	if err != nil {
		return err
	}
	defer log.close()
	k := crafter{enc: enc, attack: a, eps: eps, data: data, names: names, out: f.out, log: log}
	show, end := newProgress(c.ErrOrStderr(), a.String())
	err = k.run(c.Context(), show)
	end()
	if err != nil {
		return err
	}
	res, err := log.finish(filepath.Join(f.out, "report.json"))
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%d of %d images attacked: %s\n", len(res.Images)-res.failed(), len(res.Images), f.out)
	return res.err()
}

// outputNames gives each picture its PNG name and refuses two that would be the same.
func outputNames(d *dataset.Dataset) ([]string, error) {
	taken := map[string]string{}
	out := make([]string, d.Len())
	for i, s := range d.Samples {
		name := s.ID[:len(s.ID)-len(filepath.Ext(s.ID))] + ".png"
		if other, twice := taken[name]; twice {
			return nil, fmt.Errorf("%s and %s would both be saved as %s: rename one", other, s.ID, name)
		}
		taken[name], out[i] = s.ID, name
	}
	return out, nil
}

// crafter attacks the pictures of a folder a few at a time.
type crafter struct {
	enc    encoder.Encoder
	attack attack.Attack
	eps    attack.Ratio
	data   *dataset.Dataset
	names  []string
	out    string
	log    *craftLog
}

func (k *crafter) run(ctx context.Context, show func(done, total int)) error {
	chunk := max(8, 2*runtime.GOMAXPROCS(0))
	for start := 0; start < k.data.Len(); start += chunk {
		if err := k.chunk(ctx, start, min(start+chunk, k.data.Len())); err != nil {
			return err
		}
		show(min(start+chunk, k.data.Len()), k.data.Len())
	}
	return nil
}

func (k *crafter) chunk(ctx context.Context, from, to int) error {
	var index []int
	var samples []*dataset.Sample
	var images []*tensor.Dense
	var ids []string
	for i := from; i < to; i++ {
		if k.log.has(k.data.Samples[i].ID) {
			continue
		}
		s, err := k.data.Load(i)
		if err != nil {
			if err := k.log.add(crafted{Image: k.data.Samples[i].ID, Status: "unreadable", Reason: err.Error()}); err != nil {
				return err
			}
			continue
		}
		index, samples, images, ids = append(index, i), append(samples, s), append(images, s.Image), append(ids, s.ID)
	}
	if len(samples) == 0 {
		return ctx.Err()
	}
	res, err := k.attack.Run(ctx, k.enc, images, attack.Linf(k.eps), attack.Names(ids))
	if err != nil {
		return err
	}
	for n, s := range samples {
		c, err := k.save(s, k.names[index[n]], res.Adv[n], res.Outcomes[n])
		if err != nil {
			return err
		}
		if err := k.log.add(c); err != nil {
			return err
		}
	}
	return nil
}

// save writes one picture and measures the file.
func (k *crafter) save(s *dataset.Sample, name string, adv *tensor.Dense, o attack.Outcome) (crafted, error) {
	c := crafted{Image: s.ID, SHA256: s.Hash, Status: string(o.Status), Objective: report.Number(o.Value), Start: report.Number(o.Start),
		Iterations: o.Iters, Forwards: o.Cost.Forwards, Backwards: o.Cost.Backwards, Queries: o.Cost.Queries, Warnings: o.Warnings}
	if o.Err != nil {
		c.Reason = o.Err.Error()
	}
	q, err := attack.Quantize(attack.Linf(k.eps), 0, s.Image, adv)
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
	m, _, err := eval.JudgeFile(k.out, name, s, k.eps.Levels())
	if err != nil {
		return c, err
	}
	if !m.Inside {
		return c, fmt.Errorf("%s differs by %v/255, more than ε = %s", path, m.Linf, k.eps)
	}
	c.File, c.FileSHA256, c.Linf, c.L2, c.PSNR, c.SSIM = name, m.SHA256, m.Linf, m.L2, m.PSNR, m.SSIM
	return c, nil
}
