package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/pretrain"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/stat"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

// newSurfaces compares encoders on drawn surfaces.
func newSurfaces() *cobra.Command {
	var labels, text, record string
	b := pretrain.Bench{Seed: 1, Train: 1400, Test: 140, Eps: "4/255", Steps: 20}
	c := &cobra.Command{
		Use:   "surfaces MODEL... --labels labels.json --text text-embeddings.npy",
		Short: "Compare encoders on drawn surfaces, clean and attacked",
		Long: `Surfaces measures what each model's features are worth to three kinds of heads on images that no model was
trained on: zero-shot classification by the text embeddings, a linear segmentation head that is fitted to the
model's own clean tokens of four layers, and the boxes of the regions that it draws. Attacks are PRM, which
knows the encoder alone, and Auto-PGD on the cross-entropy of the classifier (apgd) and of the segmentation
head's pixels (apgd-pixels). Intervals hold with 95 %. Every p is of a paired comparison with the first model
on the same images: McNemar's, and the bootstrap's of the difference.`,
		Example: "  plumbline surfaces surfaces-tiny.onnx surfaces-fare.onnx --labels labels.json --text text-embeddings.npy",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name at least one model")
			}
			p, err := openPrompts(config{Encoder: args[0], Labels: labels, Text: text})
			if err != nil {
				return err
			}
			for _, r := range p.rows {
				b.Text = append(b.Text, unitRow(r))
			}
			b.Scale = p.LogitScale
			return compareOnSurfaces(c, b, args, record)
		},
	}
	c.Flags().StringVar(&labels, "labels", "", "JSON with the prompts")
	c.Flags().StringVar(&text, "text", "", ".npy with a text embedding per class of defect")
	c.Flags().StringVar(&b.Eps, "eps", b.Eps, "L∞ budget of the attacks")
	c.Flags().IntVar(&b.Steps, "steps", b.Steps, "steps of each attack")
	c.Flags().IntVar(&b.Train, "train", b.Train, "images for training the heads")
	c.Flags().IntVar(&b.Test, "test", b.Test, "images to judge")
	c.Flags().StringVar(&record, "record", "", "folder to keep what each model gave; models that are in it are not judged again")
	c.Flags().StringSliceVar(&b.Conditions, "conditions", pretrain.Conditions, "what to judge under")
	c.Flags().Uint64Var(&b.Seed, "seed", b.Seed, "seed of the images")
	return c
}

func compareOnSurfaces(c *cobra.Command, b pretrain.Bench, names []string, record string) error {
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%d test images, ε = %s, %d steps\n| model | images | zero-shot accuracy | p | segmentation mIoU | p | detection AP50 | p |\n|---|---|---|---|---|---|---|---|\n", b.Test, b.Eps, b.Steps)
	var first []pretrain.Outcome
	for _, name := range names {
		out, err := outcomes(c, b, name, record)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if first == nil {
			first = out
		}
		if len(out) != len(first) {
			return usagef("%s was judged under %d conditions, %s under %d", name, len(out), names[0], len(first))
		}
		for i, o := range out {
			if o.Condition != first[i].Condition || len(o.Right) != len(first[i].Right) {
				return usagef("%s and %s were not judged on the same images", name, names[0])
			}
			if err := printOutcome(w, name, o, first[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// outcomes judges a model, or takes what was recorded of it.
func outcomes(c *cobra.Command, b pretrain.Bench, name, record string) (out []pretrain.Outcome, err error) {
	file := filepath.Join(record, filepath.Base(name)+".json")
	if record != "" {
		if raw, err := os.ReadFile(file); err == nil {
			var r recorded
			if err := json.Unmarshal(raw, &r); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if r.Of != recordOf(b) {
				return nil, usagef("%s was recorded with other settings: %s, now %s", file, r.Of, recordOf(b))
			}
			return r.Outcomes, nil
		}
	}
	e, _, err := openFamily(name)
	if err != nil {
		return nil, err
	}
	if out, err = b.Run(c.Context(), e); err != nil || record == "" {
		return out, err
	}
	if err := os.MkdirAll(record, 0o755); err != nil {
		return nil, err
	}
	return out, atomicfile.Write(file, func(w io.Writer) error { return json.NewEncoder(w).Encode(recorded{recordOf(b), out}) })
}

// recorded is what a model gave, so that a long comparison can be made model by model.
type recorded struct {
	Of       string             `json:"of"`
	Outcomes []pretrain.Outcome `json:"outcomes"`
}

func recordOf(b pretrain.Bench) string {
	return fmt.Sprintf("seed %d, %d images for heads, %d judged, eps %s, %d steps, %s", b.Seed, b.Train, b.Test, b.Eps, b.Steps, strings.Join(b.Conditions, " "))
}

// openFamily opens an encoder whose images enter at the size of the network, whatever file lies beside the model.
func openFamily(name string) (*encoder.Model, report.Artifact, error) {
	e, _, err := openEncoder(name)
	if err != nil {
		return nil, report.Artifact{}, err
	}
	return openEncoder(name, encoder.WithPreprocess(encoder.CLIPPreprocess(e.Spec().ImageSize[0])))
}

func printOutcome(w io.Writer, name string, o, first pretrain.Outcome) error {
	n, right := len(o.Right), 0
	for _, r := range o.Right {
		if r {
			right++
		}
	}
	pair, err := stat.Compare(o.Right, first.Right)
	if err != nil {
		return err
	}
	v := stat.Wilson(right, n, 0.95)
	fmt.Fprintf(w, "| %s | %s | %.3f [%.3f, %.3f] | %.2g |", name, o.Condition, float64(right)/float64(n), v.Lo, v.Hi, pair.McNemar())
	ap, err := o.AP50()
	if err != nil {
		return err
	}
	apFirst, err := first.AP50()
	if err != nil {
		return err
	}
	for _, c := range [][2]stat.Statistic{{o.MIoU, first.MIoU}, {ap, apFirst}} {
		if err := printPaired(w, n, c[0], c[1]); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(w)
	return err
}

// printPaired writes a score with its interval and the p-value of its difference from the first model's.
func printPaired(w io.Writer, n int, score, first stat.Statistic) error {
	boot := stat.Bootstrap{Resamples: 1000, Seed: 1}
	e, err := boot.BCa(n, score)
	if err != nil {
		return err
	}
	d, err := boot.Paired(n, score, first)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, " %.3f [%.3f, %.3f] | %.2g |", e.Value, e.Interval.Lo, e.Interval.Hi, d.P)
	return err
}
