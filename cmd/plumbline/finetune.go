package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/finetune"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// finetuneFlags are the flags of the finetune command.
type finetuneFlags struct {
	encoder, labels, text, out, checkpoint, which string
	data                                          dataConfig
	config                                        finetune.Config
	holdOut                                       int
	resume, recompute                             bool
}

func newFinetune() *cobra.Command {
	f := finetuneFlags{config: finetune.Config{
		Method: "fare", Eps: "4/255", Steps: 10, Alpha: "1/255", Momentum: 0.9,
		Train: train.Config{Steps: 500, Batch: 32, Accumulate: 1, Optimizer: "adamw", LR: 1e-5, Decay: 1e-4, Clip: 0},
	}}
	c := &cobra.Command{
		Use:   "finetune --encoder MODEL.onnx --method fare --data DIR --out MODEL-robust.onnx",
		Short: "Train an encoder to withstand attacks",
		Long: `Finetune trains an encoder further so that attacked images keep the embedding (fare), the tokens (tokenfare)
or the class (tecoa, pmg-aft) of the clean ones, and writes the weights into a copy of the same ONNX file:
names, nodes, element types and operator set stay. Methods: ` + strings.Join(finetune.Names(), ", ") + `.

The images are a data set as check reads it, or "surfaces:N" for N drawn ones ("surfaces:N@SEED" of another
seed than 1). Supervised methods need the classes' text embeddings (--labels and --text, or an embedded
model). An interrupted run continues with --resume; the same command gives the same weights, bit for bit.`,
		Example: "  plumbline finetune --encoder inspect-tiny --method fare --data neu-det/ --out robust.onnx",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, need := range [][2]string{{"encoder", f.encoder}, {"data", f.data.Path}, {"out", f.out}} {
				if need[1] == "" {
					return usagef("--%s is required", need[0])
				}
			}
			f.config.Which = train.Which(f.which)
			return finetuneRun(c, f)
		},
	}
	f.add(c)
	return c
}

// add registers the flags.
func (f *finetuneFlags) add(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.encoder, "encoder", "", "ONNX file, or the name of an embedded model")
	s.StringVar(&f.config.Method, "method", f.config.Method, "objective: "+strings.Join(finetune.Names(), ", "))
	s.StringVar(&f.data.Path, "data", "", "data set to train on, or surfaces:N")
	s.StringVar(&f.data.Layout, "layout", "", "layout of the data set, if it cannot be told")
	s.IntSliceVar(&f.data.Numbers, "numbers", nil, "first and last number of the files to use (NEU-DET)")
	s.StringVar(&f.out, "out", "", "ONNX file to write")
	s.StringVar(&f.labels, "labels", "", "JSON with prompts, for supervised methods")
	s.StringVar(&f.text, "text", "", ".npy with a text embedding per prompt")
	s.StringVar(&f.config.Eps, "eps", f.config.Eps, "L∞ budget of the inner attack")
	s.IntVar(&f.config.Steps, "inner-steps", f.config.Steps, "steps of the inner attack")
	s.StringVar(&f.config.Alpha, "inner-alpha", f.config.Alpha, "step size of the inner attack")
	s.Float64Var(&f.config.Momentum, "inner-momentum", f.config.Momentum, "momentum of the inner attack")
	s.StringVar(&f.which, "weights", "all", "weights to train: all, norm, last:N or lora:R")
	s.BoolVar(&f.config.Augment.Flip, "flip", false, "mirror images at random")
	s.IntVar(&f.config.Augment.Shift, "shift", 0, "move images by up to this many pixels")
	t := &f.config.Train
	s.IntVar(&t.Steps, "steps", t.Steps, "optimiser steps")
	s.IntVar(&t.Batch, "batch", t.Batch, "images of a batch")
	s.IntVar(&t.Accumulate, "accumulate", t.Accumulate, "batches averaged for one step")
	s.StringVar(&t.Optimizer, "optimizer", t.Optimizer, "adamw or sgd")
	s.Float64Var(&t.LR, "lr", t.LR, "peak learning rate")
	s.IntVar(&t.Warmup, "warmup", 0, "steps of linear rise of the rate before its cosine")
	s.Float64Var(&t.Decay, "weight-decay", t.Decay, "decay of matrices")
	s.Float64Var(&t.Clip, "clip", t.Clip, "largest norm of a gradient (0: no limit)")
	s.Float64Var(&t.EMA, "ema", 0, "decay of a running average of the weights, which is kept instead (0: none)")
	s.IntVar(&f.holdOut, "hold-out", 0, "keep every n-th image of a class for validation")
	s.IntVar(&t.Every, "validate-every", 0, "steps between validations")
	s.IntVar(&t.Patience, "patience", 0, "stop after this many validations without progress")
	s.Uint64Var(&t.Seed, "seed", 0, "seed of everything random")
	s.StringVar(&f.checkpoint, "checkpoint", "", "checkpoint file (default: --out with .checkpoint)")
	s.BoolVar(&f.recompute, "recompute", false, "compute activations again on the way back: less memory, more time, the same weights")
	s.BoolVar(&f.resume, "resume", false, "continue from the checkpoint")
}

// finetuneRun checks what can be checked, trains, and writes the file.
func finetuneRun(c *cobra.Command, f finetuneFlags) error {
	if f.config.Method == "jacobian" && !c.Flags().Changed("eps") {
		f.config.Eps = ""
	}
	if f.checkpoint == "" {
		f.checkpoint = f.out + ".checkpoint"
	}
	if _, err := os.Stat(f.checkpoint); !f.resume && !errors.Is(err, fs.ErrNotExist) {
		return usagef("%s is there from an earlier run: continue it with --resume, or remove it", f.checkpoint)
	}
	var opts []encoder.Option
	if f.recompute {
		opts = append(opts, encoder.WithRecomputation())
	}
	m, artifact, err := openEncoder(f.encoder, opts...)
	if err != nil {
		return err
	}
	d, err := f.data.openOrDraw(m.Spec().ImageSize[0])
	if err != nil {
		return err
	}
	rest, o, err := f.options(d)
	if err != nil {
		return err
	}
	o.Progress = trainingLog(c.ErrOrStderr(), f.config.Method != "jacobian")
	o.Identity = fmt.Sprintf("encoder %s, %d images %x", artifact.SHA256, rest.Len(), idsHash(rest))
	robust, res, err := finetune.Run(c.Context(), m, trainingImages{rest}, f.config, o)
	if err != nil {
		return err
	}
	if err := robust.Save(f.out); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %s, %d steps on %d images\n", f.out, f.config.Method, res.Steps, rest.Len())
	for _, w := range robust.Fixed() {
		fmt.Fprintf(c.ErrOrStderr(), "plumbline: %s stayed as it was: the file computes it from stored numbers\n", w)
	}
	return os.Remove(f.checkpoint)
}

// options splits off the validation images and finds the classes' texts.
func (f *finetuneFlags) options(d *dataset.Dataset) (rest *dataset.Dataset, o finetune.Options, err error) {
	o = finetune.Options{Checkpoint: f.checkpoint, Save: 20}
	method, err := finetune.Find(f.config.Method)
	if err != nil {
		return nil, o, usageError{err}
	}
	if method.Supervised() {
		if o.Text, err = f.classTexts(d); err != nil {
			return nil, o, err
		}
	}
	if f.holdOut <= 0 {
		return d, o, nil
	}
	held, rest := d.EveryNth(f.holdOut)
	o.Held = trainingImages{held}
	return rest, o, nil
}

// classTexts are the text embeddings of the data's classes, in their order, with unit length.
func (f *finetuneFlags) classTexts(d *dataset.Dataset) ([][]float32, error) {
	p, err := openPrompts(config{Encoder: f.encoder, Labels: f.labels, Text: f.text})
	if err != nil {
		return nil, err
	}
	var out [][]float32
	for _, class := range d.Classes {
		i, err := p.row(class)
		if err != nil {
			return nil, err
		}
		out = append(out, unitRow(p.rows[i]))
	}
	return out, nil
}

func unitRow(row []float32) []float32 {
	sum := 0.0
	for _, v := range row {
		sum += float64(v) * float64(v)
	}
	out := make([]float32, len(row))
	for i, v := range row {
		out[i] = float32(float64(v) / math.Sqrt(sum))
	}
	return out
}

// idsHash identifies a choice of images.
func idsHash(d *dataset.Dataset) []byte {
	h := sha256.New()
	for _, s := range d.Samples {
		fmt.Fprintln(h, s.ID)
	}
	return h.Sum(nil)[:8]
}

// trainingImages loads images as training asks for them.
type trainingImages struct{ *dataset.Dataset }

// Image implements [finetune.Data].
func (d trainingImages) Image(i int) (*tensor.Dense, error) {
	s, err := d.Load(i)
	if err != nil {
		return nil, err
	}
	return s.Image, nil
}

// Label implements [finetune.Data].
func (d trainingImages) Label(i int) int { return d.Samples[i].Label }
