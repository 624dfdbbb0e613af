package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/defense/detect"
	"github.com/plumbline-ml/plumbline/eval/alarm"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// detectorsFlags are the flags of detectors.
type detectorsFlags struct {
	config, second, objective, out string
	set                            config
	clean                          string
	detectors                      []string
	steps, workers                 int
}

func newDetectors() *cobra.Command {
	f := detectorsFlags{}
	c := &cobra.Command{
		Use:   "detectors [--config FILE | flags]",
		Short: "Measure detectors of adversarial images, also against attacks that avoid them",
		Long: `Detectors attacks pictures on the encoder alone, once without knowledge of any detector and then with
knowledge of each, and says how often each raises an alarm and how often the zero-shot inspector is wrong with
nobody noticing. Pictures are rounded to 8 bits. Of the clean pictures given, one half builds the detectors and
the other sets their thresholds; the judged ones are others.

The configuration is check's: encoder, labels, text, data, the first eps and the seed are used; its heads.train
names the clean pictures, unless --clean gives a folder.`,
		Example: "  plumbline detectors --config docs/neu-det-detectors.yaml --data ../neu-det",
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return runDetectors(c, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of check")
	fl.StringVar(&f.set.Encoder, "encoder", "", "ONNX file or embedded model (default inspect-tiny)")
	fl.StringVar(&f.second, "second", "surfaces-tiny", "another encoder, for disagreement")
	fl.StringVar(&f.set.Data.Path, "data", "", "folder of pictures, one folder per class (default twelve tiles)")
	fl.StringVar(&f.clean, "clean", "", "folder of clean pictures, other than those judged")
	fl.StringVar(&f.set.Labels, "labels", "", "prompts and classes of the zero-shot head, JSON")
	fl.StringVar(&f.set.Text, "text", "", "text embeddings of the prompts, .npy")
	fl.StringArrayVar(&f.set.Eps, "eps", nil, "largest change of a colour value (default 8/255)")
	fl.StringArrayVar(&f.detectors, "detector", nil, "detector with optional parameters, may be repeated (default all)")
	fl.StringVar(&f.objective, "objective", "prm", "what the attacks maximise")
	fl.IntVar(&f.steps, "steps", 40, "steps of every attack")
	fl.IntVar(&f.workers, "workers", 0, "images at once (0: all processors); changes no result")
	fl.StringVar(&f.out, "out", "", "file for the results, JSON")
	return c
}

func runDetectors(c *cobra.Command, f detectorsFlags) error {
	cfg, err := (checkFlags{config: f.config, set: f.set}).merge(c)
	if err != nil {
		return err
	}
	if f.steps < 1 {
		return usagef("--steps %d: want at least 1", f.steps)
	}
	m, err := f.measurement(c.Context(), cfg)
	if err != nil {
		return err
	}
	show, end := newProgress(c.ErrOrStderr(), "attacks")
	m.Progress = show
	rows, err := alarm.Measure(c.Context(), m)
	end()
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := atomicfile.Write(f.out, func(w io.Writer) error { return writeJSON(w, rows) }); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.OutOrStdout(), "%d images, %s, %d steps of %s; thresholds from %d clean pictures; 95 %% intervals\n\n",
		len(m.Images), m.Threat, m.Steps, m.Objective, len(m.Calibrate))
	printAlarms(c.OutOrStdout(), rows)
	return nil
}

// measurement opens everything that the configuration names.
func (f detectorsFlags) measurement(ctx context.Context, cfg config) (alarm.Config, error) {
	m := alarm.Config{Steps: f.steps, Seed: cfg.Seed, Workers: f.workers}
	eps, err := attack.ParseEps(cfg.Eps[0])
	if err != nil {
		return m, err
	}
	m.Threat = attack.Linf(eps)
	if m.Objective, err = attack.ParseObjective(f.objective); err != nil {
		return m, err
	}
	clean, err := f.cleanData(cfg)
	if err != nil {
		return m, err
	}
	classify, data, err := zeroShotClassifier(cfg)
	if err != nil {
		return m, err
	}
	if both := shared(clean, data); both != "" {
		return m, usagef("%s is among the clean pictures and among the judged ones", both)
	}
	m.Classify = classify
	if m.Images, m.Labels, err = pictures(ctx, data); err != nil {
		return m, err
	}
	enc, _, err := openConfigured(cfg)
	if err != nil {
		return m, err
	}
	m.Encoder = enc
	second, _, err := openEncoder(f.second)
	if err != nil {
		return m, err
	}
	all, labels, err := pictures(ctx, clean)
	if err != nil {
		return m, err
	}
	r := detect.Resources{Encoder: enc, Second: second, Seed: cfg.Seed}
	for i, p := range all {
		if i%2 == 0 {
			r.Clean, r.Labels = append(r.Clean, p), append(r.Labels, labels[i])
		} else {
			m.Calibrate = append(m.Calibrate, p)
		}
	}
	m.Detectors, err = f.build(ctx, r)
	return m, err
}

// cleanData are the pictures that detectors and thresholds come from.
func (f detectorsFlags) cleanData(cfg config) (*dataset.Dataset, error) {
	if f.clean != "" {
		return dataset.Open(f.clean)
	}
	if cfg.Heads.Train == nil {
		return nil, usagef("clean pictures are missing: give --clean DIR, or heads.train in the configuration")
	}
	return cfg.Heads.Train.open()
}

func (f detectorsFlags) build(ctx context.Context, r detect.Resources) ([]*detect.Detector, error) {
	names := f.detectors
	if len(names) == 0 {
		for _, e := range detect.List() {
			names = append(names, e.Name)
		}
	}
	var out []*detect.Detector
	for _, name := range names {
		d, err := detect.Parse(ctx, name, r)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, d)
	}
	return out, nil
}

// pictures decodes a data set with its classes.
func pictures(ctx context.Context, d *dataset.Dataset) (images []*tensor.Dense, labels []int, err error) {
	samples, problems := d.LoadAll(ctx)
	if len(problems) > 0 {
		return nil, nil, problems[0]
	}
	for _, s := range samples {
		images, labels = append(images, s.Image), append(labels, s.Label)
	}
	return images, labels, nil
}

func printAlarms(w io.Writer, rows []alarm.Row) {
	table := [][]string{{"detector", "pictures", "AUROC", "alarms at 1 % FPR", "at 5 % FPR", "inspector wrong", "wrong, unnoticed"}}
	for _, r := range rows {
		for _, o := range []struct {
			what string
			alarm.Outcome
		}{{"clean", r.Clean}, {"attacked", r.Plain}, {"aware of it", r.Aware}} {
			auroc := o.AUROC.String()
			if o.what == "clean" {
				auroc = ""
			}
			table = append(table, []string{r.Detector, o.what, auroc, o.AtFPR1.String(), o.AtFPR5.String(), o.Wrong.String(), o.Unnoticed.String()})
		}
	}
	printTable(w, table)
}
