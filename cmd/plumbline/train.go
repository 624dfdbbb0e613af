package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/eval/pretrain"
)

// newTrain retrains a model of the embedded family.
func newTrain() *cobra.Command {
	var out string
	var test int
	var heads bool
	c := &cobra.Command{
		Use:   "train NAME --out DIR",
		Short: "Train a model of the embedded family anew",
		Long: `Train draws the images of the model's recipe, trains the image and the text tower on them and their captions,
and writes NAME.onnx, NAME-text.onnx, labels.json and text-embeddings.npy. The recipe and its seed decide
every bit of the weights; an interrupted run continues from its checkpoint when it is started again. The
tuned members start from the embedded surfaces-tiny and are trained for one task, whose head is written too.`,
		Example: "  plumbline train surfaces-tiny --out trained/",
		Args:    exactly(1, "one model's name"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out is required")
			}
			if heads {
				return trainHeads(c, args[0], out)
			}
			if t, err := pretrain.FindTuning(args[0]); err == nil {
				return tune(c, t, out, test)
			}
			r, err := pretrain.Find(args[0])
			if err != nil {
				return usageError{err}
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			t, err := pretrain.New(c.Context(), r)
			if err != nil {
				return err
			}
			res, err := t.Train(c.Context(), filepath.Join(out, r.Name+".checkpoint"), 50, trainingLog(c.ErrOrStderr(), false))
			if err != nil {
				return err
			}
			if err := t.Save(c.Context(), out); err != nil {
				return err
			}
			right, err := t.Accuracy(c.Context(), test)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: weights of step %d of %d; zero-shot %d of %d unseen surfaces right (%.1f %%)\n",
				r.Name, res.BestAt, res.Steps, right, test, 100*float64(right)/float64(test))
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "folder for the files and the checkpoint")
	c.Flags().BoolVar(&heads, "heads", false, "train one head for each task on the embedded model NAME instead")
	c.Flags().IntVar(&test, "test", 1400, "unseen images to classify at the end")
	return c
}
