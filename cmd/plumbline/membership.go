package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/guard"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/membership"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// membershipFlags are the flags of membership.
type membershipFlags struct {
	encoder, out string
	data         dataConfig
	audit        membership.Config
	hidden       int
	mislabel     float64
	how          head.Training
}

func newMembership() *cobra.Command {
	f := membershipFlags{audit: membership.Config{Models: 16, Views: 6, Seed: 1}}
	c := &cobra.Command{
		Use:   "membership --data DIR --out DIR",
		Short: "Measure whether a head on the encoder gives away its training images",
		Long: `Membership trains the same head several times, each time on a random half of the images, and lets attackers
guess from its answers which half it was: by the loss, by LiRA with the other heads as shadow models, and by
labels alone. Members and non-members come from one data set, so that nothing but memory can tell them apart.
Each --guard changes the scores that are shown, such as round(1), and everything is measured again.

It prints the table and writes membership.json, membership.md and a ROC curve on logarithmic axes for each guard.`,
		Example: `  plumbline membership --encoder surfaces-tiny --data surfaces:2000 --guard 'round(3)' --guard 'round(2)' --guard 'round(1)' --out audit/
  plumbline membership --encoder clip.onnx --data photos/ --epochs 20 --out audit/`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return auditMembership(c, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.encoder, "encoder", "inspect-tiny", "ONNX file or embedded model")
	fl.StringVar(&f.data.Path, "data", "", "data set with classes, or surfaces:N for N drawn images")
	fl.StringVar(&f.data.Layout, "layout", "", "layout of the data, as for check")
	fl.StringVar(&f.out, "out", "", "folder for the results")
	fl.StringArrayVar(&f.audit.Guards, "guard", nil, "output guard, may be repeated; on probabilities unless it has softmax itself")
	fl.IntVar(&f.audit.Models, "models", f.audit.Models, "heads to train, an even number; each is attacked once")
	fl.IntVar(&f.audit.Views, "views", f.audit.Views, fmt.Sprintf("views of each image that attackers ask about, 1 to %d", membership.MaxViews))
	fl.IntVar(&f.hidden, "hidden", 256, "width of the head's hidden layer; 0 for a linear head")
	fl.IntVar(&f.how.Epochs, "epochs", 100, "passes over the training images: many overfit")
	fl.Float64Var(&f.mislabel, "mislabel", 0, "share of images given a wrong label: canaries that can be learnt by heart alone")
	fl.Uint64Var(&f.audit.Seed, "seed", f.audit.Seed, "seed of everything random")
	return c
}

func auditMembership(c *cobra.Command, f membershipFlags) error {
	switch {
	case f.data.Path == "":
		return usagef("--data is required")
	case f.out == "":
		return usagef("--out is required")
	case f.audit.Views < 1 || f.audit.Views > membership.MaxViews:
		return usagef("--views %d: want 1 to %d", f.audit.Views, membership.MaxViews)
	case f.audit.Models < 4 || f.audit.Models%2 != 0:
		return usagef("--models %d: want an even number, at least 4", f.audit.Models)
	case !(f.mislabel >= 0 && f.mislabel <= 1):
		return usagef("--mislabel %v: want a share from 0 to 1", f.mislabel)
	case f.hidden < 0 || f.how.Epochs < 1:
		return usagef("--hidden and --epochs are counts")
	}
	for _, g := range f.audit.Guards {
		if _, err := guard.Parse(g); err != nil {
			return usageError{err}
		}
	}
	enc, _, err := openEncoder(f.encoder)
	if err != nil {
		return err
	}
	d, err := f.data.openOrDraw(enc.Spec().ImageSize[0])
	if err != nil {
		return err
	}
	mislabel(d, f.mislabel, f.audit.Seed)
	feats, err := viewFeatures(c.Context(), enc, d, f.audit.Views)
	if err != nil {
		return err
	}
	for _, x := range feats[0] {
		f.audit.Labels = append(f.audit.Labels, x.Sample.Label)
	}
	show, end := newProgress(c.ErrOrStderr(), "training heads")
	f.audit.Progress = show
	r, err := membership.Audit(c.Context(), f.audit, membership.Heads(feats, f.fit(enc.Spec(), len(d.Classes))))
	end()
	if err != nil {
		return err
	}
	r.Title = fmt.Sprintf("Membership in heads on %s, %s", enc.Spec().Name, d.Name)
	if f.mislabel > 0 {
		r.Title += fmt.Sprintf(", %g %% of them mislabelled", 100*f.mislabel)
	}
	if err := writeMembership(f.out, r); err != nil {
		return err
	}
	return r.WriteMarkdown(c.OutOrStdout())
}

// mislabel gives a share of the images another class, in place: the canaries of arXiv 2404.17399, §4.
func mislabel(d *dataset.Dataset, share float64, seed uint64) {
	classes := len(d.Classes)
	if share == 0 || classes < 2 {
		return
	}
	rng := rand.New(rand.NewPCG(seed, 0x6c6965))
	for _, i := range rng.Perm(d.Len())[:int(math.Round(share*float64(d.Len())))] {
		if s := d.Samples[i]; s.Label != dataset.NoLabel {
			s.Label = (s.Label + 1 + rng.IntN(classes-1)) % classes
		}
	}
}

// fit trains the head whose memory is audited.
func (f membershipFlags) fit(s encoder.Spec, classes int) func([]head.Features, uint64) (head.Differentiable, error) {
	var hidden []int
	if f.hidden > 0 {
		hidden = []int{f.hidden}
	}
	return func(members []head.Features, seed uint64) (head.Differentiable, error) {
		how := f.how
		how.Seed = seed
		return head.TrainProbe("audited", head.EmbeddingSource(s), members, classes, hidden, how)
	}
}

// viewFeatures are the embeddings of every view of every image: [view][image].
func viewFeatures(ctx context.Context, enc encoder.Encoder, d *dataset.Dataset, views int) ([][]head.Features, error) {
	samples, problems := d.LoadAll(ctx)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	for _, s := range samples {
		if s.Label == dataset.NoLabel {
			return nil, fmt.Errorf("%s has no class: put the images in one folder per class", s.ID)
		}
	}
	var out [][]head.Features
	for v := range views {
		seen, err := viewsOf(samples, v)
		if err != nil {
			return nil, err
		}
		feats, err := head.Extract(ctx, enc, seen, []encoder.Tap{encoder.Embedding})
		if err != nil {
			return nil, err
		}
		out = append(out, feats)
	}
	return out, nil
}

// viewsOf shows every image as its v-th view.
func viewsOf(samples []*dataset.Sample, v int) ([]*dataset.Sample, error) {
	out := make([]*dataset.Sample, len(samples))
	for i, s := range samples {
		view := *s
		var err error
		var image *tensor.Dense
		if image, err = membership.View(s.Image, v); err != nil {
			return nil, fmt.Errorf("%s: %w", s.ID, err)
		}
		view.Image = image
		out[i] = &view
	}
	return out, nil
}

func writeMembership(dir string, r *membership.Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "membership.json"), func(w io.Writer) error { return writeJSON(w, r) }); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "membership.md"), r.WriteMarkdown); err != nil {
		return err
	}
	for k, g := range r.Guards {
		name := filepath.Join(dir, fmt.Sprintf("roc-%02d.svg", k))
		if err := atomicfile.Write(name, func(w io.Writer) error { return r.WriteROC(w, g) }); err != nil {
			return err
		}
	}
	return nil
}
