// Command prm crafts a PRM adversary of one embedded photograph from the embedded encoder alone and
// shows how far it turned the tokens of every layer.
package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math"
	"os"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/models"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	m, err := models.Open(models.Default)
	if err != nil {
		return err
	}
	enc, err := m.Encoder()
	if err != nil {
		return err
	}
	raw, err := fs.ReadFile(models.Tiles(), "MT_Blowhole/exp3_num_36246.jpg")
	if err != nil {
		return err
	}
	img, err := dataset.DecodeImage(raw)
	if err != nil {
		return err
	}
	clean := []*tensor.Dense{dataset.Planar(img)}

	prm, err := attack.Parse("prm(steps=20)")
	if err != nil {
		return err
	}
	eps, err := attack.ParseEps("8/255")
	if err != nil {
		return err
	}
	res, err := prm.Run(ctx, enc, clean, attack.Linf(eps))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "L∞ %.4f, budget %s\n", res.Outcomes[0].Size, eps)
	return drift(ctx, w, enc, clean, res.Adv)
}

// drift prints the mean cosine between the tokens of two images at every layer.
func drift(ctx context.Context, w io.Writer, enc encoder.Encoder, a, b []*tensor.Dense) error {
	taps := enc.Spec().Layers()
	x, err := encoder.Activations(ctx, enc, a, taps...)
	if err != nil {
		return err
	}
	y, err := encoder.Activations(ctx, enc, b, taps...)
	if err != nil {
		return err
	}
	for i, tap := range taps {
		fmt.Fprintf(w, "%-8s %.1f\n", tap, meanCosine(x[i], y[i]))
	}
	return nil
}

func meanCosine(a, b *tensor.Dense) float64 {
	width := a.Shape()[2]
	x, y := a.Float32s(), b.Float32s()
	sum := 0.0
	for at := 0; at < len(x); at += width {
		var xx, yy, xy float64
		for k := at; k < at+width; k++ {
			u, v := float64(x[k]), float64(y[k])
			xx, yy, xy = xx+u*u, yy+v*v, xy+u*v
		}
		sum += xy / math.Sqrt(xx*yy)
	}
	return sum / float64(len(x)/width)
}
