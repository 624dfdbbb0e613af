package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/npy"
)

func newEncode() *cobra.Command {
	var in, images, out string
	var names []string
	c := &cobra.Command{
		Use:   "encode MODEL.onnx (--in x.npy | --images DIR) --tap NAME[,NAME] --out DIR",
		Short: "Write an encoder's activations as .npy files",
		Long: `Encode runs an encoder and writes DIR/<tap>.npy for each tap: "embedding" is B×E; token taps (stem,
block.0, …, tokens) are B×T×D with the prefix tokens first; convolutional stages are B×C×H×W; a tensor of
the ONNX graph named directly keeps its own layout. A slash in a name becomes an underscore in the file's.

--in takes the raw network input (float32 N×3×H×W, already normalised). --images takes a folder of pictures
and applies the model's preprocessing; they are encoded in order of their paths, which are printed.`,
		Example: "  plumbline encode inspect-tiny --images photos/ --tap embedding,block.3 --out features/",
		Args:    exactly(1, "one model"),
	}
	options := encoderFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if (in == "") == (images == "") {
			return usagef("give either --in x.npy or --images DIR")
		}
		if len(names) == 0 || out == "" {
			return usagef("--tap and --out are required")
		}
		enc, _, err := openEncoder(args[0], options()...)
		if err != nil {
			return err
		}
		src, err := readSource(enc, in, images)
		if err != nil {
			return err
		}
		return encodeTo(c, src, names, out)
	}
	c.Flags().StringVar(&in, "in", "", "raw network input, .npy")
	c.Flags().StringVar(&images, "images", "", "folder of pictures")
	c.Flags().StringSliceVar(&names, "tap", nil, "taps, by name")
	c.Flags().StringVar(&out, "out", "", "folder for the results")
	return c
}

// source is what an encoder is fed.
type source struct {
	enc    encoder.Encoder
	images []*tensor.Dense
	names  []string // of pictures; nil for raw input
}

func readSource(enc *encoder.Model, in, images string) (source, error) {
	if in != "" {
		data, shape, err := npy.Open(in)
		if err != nil {
			return source{}, err
		}
		raw, err := rawInput(in, data, shape)
		if err == nil && enc.Spec().AnySize {
			if enc, err = enc.AtInput(shape[2], shape[3]); err != nil {
				return source{}, err
			}
		}
		return source{enc: enc.Raw(), images: raw}, err
	}
	loaded, err := loadImages(images)
	if err != nil {
		return source{}, err
	}
	src := source{enc: enc}
	for _, s := range loaded {
		src.images, src.names = append(src.images, s.Image), append(src.names, s.ID)
	}
	return src, nil
}

func encodeTo(c *cobra.Command, src source, names []string, out string) error {
	taps := make([]encoder.Tap, len(names))
	for i, n := range names {
		taps[i] = encoder.Tap(strings.TrimSpace(n))
	}
	acts, err := encode(c.Context(), src, taps)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for i, a := range acts {
		path := filepath.Join(out, tapFile(taps[i]))
		if err := npy.Save(path, a.Float32s(), a.Shape()...); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%s %v\n", path, []int(a.Shape()))
	}
	for i, n := range src.names {
		fmt.Fprintf(c.OutOrStdout(), "%d %s\n", i, n)
	}
	return nil
}

func encode(ctx context.Context, src source, taps []encoder.Tap) ([]*tensor.Dense, error) {
	return encoder.Activations(ctx, src.enc, src.images, taps...)
}

func tapFile(t encoder.Tap) string {
	return strings.NewReplacer("/", "_", `\`, "_").Replace(string(t)) + ".npy"
}
