package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/cmd/plumbline/internal/speed"
)

func newBench() *cobra.Command {
	var batch, threads, rounds int
	var serve bool
	var write string
	c := &cobra.Command{
		Use:   "bench tiny|b32|b16|l14",
		Short: "Time the engine on a transformer built in memory",
		Long: `Bench builds a CLIP-shaped vision transformer with seeded weights and times its forward pass and its
forward pass with the gradient at the pixels, in turn. It prints one line of JSON: medians in seconds for
one image, GFLOP/s, and load_s, the time from a model in memory to packed and ready for both passes.

With --serve it prints "ready" and then, for every line "fwd" or "grad" on standard input, runs that pass
once and prints its seconds for one image, so that two programs can be timed in turn on a noisy machine.`,
		Example: "  plumbline bench b32\n  plumbline bench b16 --batch 8 --threads 2 --rounds 9",
		Args:    exactly(1, "one shape"),
		RunE: func(c *cobra.Command, args []string) error {
			if write != "" {
				return speed.Write(args[0], write)
			}
			b, err := speed.New(args[0], batch, threads)
			if err != nil {
				return usageError{err}
			}
			if serve {
				return b.Serve(c.InOrStdin(), c.OutOrStdout())
			}
			r, err := b.Run(rounds)
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(r)
		},
	}
	c.Flags().IntVar(&batch, "batch", 1, "images at once")
	c.Flags().IntVar(&threads, "threads", 1, "processors to use")
	c.Flags().IntVar(&rounds, "rounds", 5, "passes to take the median of")
	c.Flags().BoolVar(&serve, "serve", false, "time passes on request, line by line")
	c.Flags().StringVar(&write, "write", "", "only write the model to this ONNX file, for other runtimes")
	return c
}
