package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/npy"
)

func newGrad() *cobra.Command {
	var in, lossText, ref, out string
	c := &cobra.Command{
		Use:   "grad MODEL.onnx --in x.npy --loss sumsq:TAP|cosine:TAP [--ref r.npy] --out g.npy",
		Short: "Write the gradient of a scalar at the network input",
		Long: `Grad runs an encoder on a raw network input (float32 N×3×H×W, already normalised), forms one scalar from
a tap, prints it, and writes its gradient at the input as a .npy file of the input's shape.

  sumsq:TAP    the sum of squares of everything at the tap
  cosine:TAP   the mean over images and patch tokens (prefix tokens left out) of the cosine with the
               reference --ref: of the tap's shape, or without prefix tokens, or of one image for all`,
		Example: "  plumbline grad inspect-tiny --in x.npy --loss sumsq:embedding --out g.npy",
		Args:    exactly(1, "one model"),
	}
	options := encoderFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if in == "" || out == "" || lossText == "" {
			return usagef("--in, --loss and --out are required")
		}
		l, err := parseLoss(lossText, ref)
		if err != nil {
			return err
		}
		enc, _, err := openEncoder(args[0], options()...)
		if err != nil {
			return err
		}
		src, err := readSource(enc, in, "")
		if err != nil {
			return err
		}
		value, g, shape, err := gradient(c.Context(), src, l)
		if err != nil {
			return err
		}
		if err := npy.Save(out, g, shape...); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s %.9g\n", lossText, value)
		return nil
	}
	c.Flags().StringVar(&in, "in", "", "raw network input, .npy")
	c.Flags().StringVar(&lossText, "loss", "", "sumsq:TAP or cosine:TAP")
	c.Flags().StringVar(&ref, "ref", "", "reference of the cosine, .npy")
	c.Flags().StringVar(&out, "out", "", "file for the gradient, .npy")
	return c
}

// loss is a scalar of the activation at one tap.
type loss struct {
	tap encoder.Tap
	ref string // file of the reference; empty for the sum of squares
}

func parseLoss(text, ref string) (loss, error) {
	kind, tap, _ := strings.Cut(text, ":")
	switch {
	case tap == "" || kind != "sumsq" && kind != "cosine":
		return loss{}, usagef("--loss %q: want sumsq:TAP or cosine:TAP", text)
	case kind == "cosine" && ref == "":
		return loss{}, usagef("--loss %s needs a reference: --ref r.npy", text)
	case kind == "sumsq" && ref != "":
		return loss{}, usagef("--ref is for cosine:TAP, not %s", text)
	}
	return loss{encoder.Tap(tap), ref}, nil
}

// gradient returns the loss and its gradient at the network input, N×3×H×W.
func gradient(ctx context.Context, src source, l loss) (float64, []float32, []int, error) {
	trace, err := src.enc.Trace(ctx, src.images, l.tap)
	if err != nil {
		return 0, nil, nil, err
	}
	defer trace.Close()
	act := trace.Activation(0)
	var value float64
	var cot *tensor.Dense
	if l.ref == "" {
		value, cot = sumOfSquares(act)
	} else {
		ref, shape, err := npy.Open(l.ref)
		if err != nil {
			return 0, nil, nil, err
		}
		ref, first, err := expand(ref, shape, act.Shape(), src.enc.Spec())
		if err != nil {
			return 0, nil, nil, fmt.Errorf("%s: for tap %s: %w", l.ref, l.tap, err)
		}
		if value, cot, err = meanCosine(act, ref, first); err != nil {
			return 0, nil, nil, fmt.Errorf("cosine at %s: %w", l.tap, err)
		}
	}
	grads, err := trace.VJP(ctx, []*tensor.Dense{cot})
	if err != nil {
		return 0, nil, nil, err
	}
	shape := append([]int{len(grads)}, grads[0].Shape()...)
	var out []float32
	for _, g := range grads {
		out = append(out, g.Float32s()...)
	}
	return value, out, shape, nil
}
