package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/encoder"
)

func newExportGradient() *cobra.Command {
	var out, backward string
	var names []string
	c := &cobra.Command{
		Use:   "export-gradient MODEL.onnx --tap NAME[,NAME] --out FILE.onnx",
		Short: "Write an encoder's gradient as a standard ONNX graph",
		Long: `Export-gradient writes the gradient at the network input as an ONNX model of standard operators, for other
runtimes: the raw pixels 1×3×H×W (already normalised) and one cotangent "cotangent.TAP" for each tap go in,
"gradient" 1×3×H×W comes out. Each weight is stored once.

With --backward the work is split: --out gives the taps and the tensors "saved.N", and the file of --backward
takes those and the cotangents, so that a loss can be computed in between.`,
		Example: "  plumbline export-gradient inspect-tiny --tap embedding --out gradient.onnx",
		Args:    exactly(1, "one model"),
	}
	options := encoderFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(names) == 0 || out == "" {
			return usagef("--tap and --out are required")
		}
		enc, _, err := openEncoder(args[0], options()...)
		if err != nil {
			return err
		}
		var taps []encoder.Tap
		for _, n := range names {
			taps = append(taps, encoder.Tap(n))
		}
		if backward != "" {
			err = enc.ExportGradientParts(out, backward, taps...)
		} else {
			err = enc.ExportGradient(out, taps...)
		}
		if err != nil {
			return err
		}
		for _, f := range []string{out, backward} {
			if f != "" {
				fmt.Fprintln(c.OutOrStdout(), f)
			}
		}
		return nil
	}
	c.Flags().StringSliceVar(&names, "tap", nil, "taps that get a cotangent, by name")
	c.Flags().StringVar(&out, "out", "", "file to write")
	c.Flags().StringVar(&backward, "backward", "", "file for the backward part, to split the work")
	return c
}
