package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/certify"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/stat"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// certifyFlags are the flags of certify.
type certifyFlags struct {
	config, out string
	set         config
	smoothing   certify.Smoothing
	radii       []float64
	patch       certify.DoubleMask
}

func newCertify() *cobra.Command {
	f := certifyFlags{smoothing: certify.Smoothing{Sigma: 0.12, N0: 100, N: 1000, Alpha: 0.001, Seed: 1},
		patch: certify.DoubleMask{Masks: 6, Fill: [3]float32{0.5, 0.5, 0.5}}}
	c := &cobra.Command{
		Use:   "certify [--config FILE | flags]",
		Short: "Say which labels no attack of a stated size can change",
		Long: `Certify classifies pictures with a zero-shot inspector and says which of its labels are guaranteed. Without
--patch it certifies by randomised smoothing: no change of the pixels of smaller L2 norm than the radius changes
the smoothed label, with probability 1−alpha for each picture. With --patch N it certifies by double masking: no
square of N×N pixels, wherever it lies and whatever it shows, changes the label.

A certificate speaks of the smoothed or masked inspector, whose clean accuracy is printed too. The configuration
is check's; of it encoder, preprocess, labels, text and data are used.`,
		Example: `  plumbline certify --sigma 0.12 --samples 1000
  plumbline certify --config docs/neu-det.yaml --data ../neu-det --patch 20`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return runCertify(c, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file of check")
	fl.StringVar(&f.set.Encoder, "encoder", "", "ONNX file or embedded model (default inspect-tiny)")
	fl.StringVar(&f.set.Data.Path, "data", "", "folder of pictures, one folder per class (default twelve tiles)")
	fl.StringVar(&f.set.Labels, "labels", "", "prompts and classes of the zero-shot head, JSON")
	fl.StringVar(&f.set.Text, "text", "", "text embeddings of the prompts, .npy")
	fl.Float64Var(&f.smoothing.Sigma, "sigma", f.smoothing.Sigma, "standard deviation of the noise, pixels in [0,1]")
	fl.IntVar(&f.smoothing.N, "samples", f.smoothing.N, "noisy copies that bound a label's probability; more certify larger radii")
	fl.Float64Var(&f.smoothing.Alpha, "alpha", f.smoothing.Alpha, "probability that a picture's certificate is wrong")
	fl.Uint64Var(&f.smoothing.Seed, "seed", f.smoothing.Seed, "seed of the noise")
	fl.Float64SliceVar(&f.radii, "radius", []float64{0, 0.1, 0.25, 0.5, 1}, "radii at which certified accuracy is printed")
	fl.IntVar(&f.patch.Patch, "patch", 0, "certify against square patches of this side, in pixels")
	fl.IntVar(&f.patch.Masks, "masks", f.patch.Masks, "masks along each axis")
	fl.StringVar(&f.out, "out", "", "file for every picture's certificate, JSON")
	return c
}

func runCertify(c *cobra.Command, f certifyFlags) error {
	cfg, err := (checkFlags{config: f.config, set: f.set}).merge(c)
	if err != nil {
		return err
	}
	if f.patch.Patch == 0 {
		if err := f.smoothing.Validate(); err != nil {
			return usageError{err}
		}
		f.smoothing.N0 = min(f.smoothing.N0, f.smoothing.N)
	} else if f.patch.Patch < 0 {
		return usagef("--patch %d: want the side of a patch in pixels", f.patch.Patch)
	}
	classify, data, err := zeroShotClassifier(cfg)
	if err != nil {
		return err
	}
	samples, problems := data.LoadAll(c.Context())
	for _, p := range problems {
		fmt.Fprintf(c.ErrOrStderr(), "left out: %v\n", p)
	}
	show, end := newProgress(c.ErrOrStderr(), "certify")
	defer end()
	rows := make([]certifiedImage, 0, len(samples))
	for i, s := range samples {
		row, err := f.certify(c.Context(), classify, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.ID, err)
		}
		rows = append(rows, row)
		show(i+1, len(samples))
	}
	end()
	if len(rows) == 0 {
		return fmt.Errorf("%s: no picture could be read", data.Name)
	}
	if f.out != "" {
		if err := atomicfile.Write(f.out, func(w io.Writer) error { return writeJSON(w, rows) }); err != nil {
			return err
		}
	}
	f.print(c.OutOrStdout(), rows)
	return nil
}

// certifiedImage is what can be promised for one picture.
type certifiedImage struct {
	Image string `json:"image"`
	certify.Certified
	Patch *bool        `json:"patch_certified,omitempty"` // instead of a radius
	Case  certify.Case `json:"case,omitempty"`
}

func (f certifyFlags) certify(ctx context.Context, classify certify.Classifier, s *dataset.Sample) (certifiedImage, error) {
	row := certifiedImage{Image: s.ID}
	row.Truth = s.Label
	var err error
	if f.patch.Patch == 0 {
		row.Certificate, err = f.smoothing.Certify(ctx, classify, s.Image)
		return row, err
	}
	if row.Label, row.Case, err = f.patch.Predict(ctx, classify, s.Image); err != nil {
		return row, err
	}
	ok, err := f.patch.Certify(ctx, classify, s.Image, row.Label)
	row.Patch = &ok
	return row, err
}

// print shows certified accuracies with their counts.
func (f certifyFlags) print(w io.Writer, rows []certifiedImage) {
	line := func(what string, k int) []string {
		v := stat.Wilson(k, len(rows), 0.95)
		return []string{what, fmt.Sprintf("%d of %d", k, len(rows)), fmt.Sprintf("%.1f %%", 100*float64(k)/float64(len(rows))),
			fmt.Sprintf("(%.1f–%.1f)", 100*v.Lo, 100*v.Hi)}
	}
	table := [][]string{{"right label", "images", "share", "95 % interval"}}
	if f.patch.Patch > 0 {
		var right, safe int
		for _, r := range rows {
			if r.Label == r.Truth {
				right++
				if *r.Patch {
					safe++
				}
			}
		}
		fmt.Fprintf(w, "double masking against squares of %d×%d pixels, %d masks along each axis\n\n", f.patch.Patch, f.patch.Patch, f.patch.Masks)
		printTable(w, append(table, line("without a patch", right), line("whatever the patch", safe)))
		return
	}
	var all []certify.Certified
	for _, r := range rows {
		all = append(all, r.Certified)
	}
	fmt.Fprintf(w, "randomised smoothing, σ = %g, %d samples, wrong with probability %g for each picture\n\n", f.smoothing.Sigma, f.smoothing.N, f.smoothing.Alpha)
	for _, r := range f.radii {
		table = append(table, line(fmt.Sprintf("certified at L2 radius %g", r), certify.AccuracyAt(all, r)))
	}
	printTable(w, table)
}

// zeroShotClassifier is the zero-shot inspector of a configuration, over the classes of its data.
func zeroShotClassifier(cfg config) (certify.Classifier, *dataset.Dataset, error) {
	data, err := cfg.Data.open()
	if err != nil {
		return nil, nil, err
	}
	p, err := openPrompts(cfg)
	if err != nil {
		return nil, nil, err
	}
	enc, _, err := openConfigured(cfg)
	if err != nil {
		return nil, nil, err
	}
	order, err := p.order(data)
	if err != nil {
		return nil, nil, err
	}
	own, err := p.head("zero-shot", order, data.Classes)
	if err != nil {
		return nil, nil, err
	}
	return labelsOf(enc, own.Head), data, nil
}

// labelsOf classifies pictures with a head.
func labelsOf(enc encoder.Encoder, h head.Head) certify.Classifier {
	return func(ctx context.Context, images []*tensor.Dense) ([]int, error) {
		outs, err := predict(ctx, enc, h, images)
		if err != nil {
			return nil, err
		}
		labels := make([]int, len(outs))
		for i, o := range outs {
			labels[i] = o.Label
		}
		return labels, nil
	}
}

// predict asks a head about pictures.
func predict(ctx context.Context, enc encoder.Encoder, h head.Head, images []*tensor.Dense) ([]head.Output, error) {
	acts, err := encoder.Activations(ctx, enc, images, h.Taps()...)
	if err != nil {
		return nil, err
	}
	outs := make([]head.Output, len(images))
	for i := range images {
		var in head.Input
		for _, a := range acts {
			row, err := head.RowOf(a, i)
			if err != nil {
				return nil, err
			}
			in.Acts = append(in.Acts, row)
		}
		if outs[i], err = h.Predict(in); err != nil {
			return nil, err
		}
	}
	return outs, nil
}
