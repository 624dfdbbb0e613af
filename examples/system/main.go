// Command system judges an inspection system written in Go, which knows nothing of encoders, beside a head that
// stands on the attacked encoder: the same adversarial images are shown to both.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"os"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
	"github.com/plumbline-ml/plumbline/eval/system"
	"github.com/plumbline-ml/plumbline/models"
)

// gauge looks for the spot whose brightness is farthest from the picture's mean, in standard deviations.
type gauge struct{ side int } // of a spot, pixels

var _ system.System = gauge{}

func (gauge) Name() string    { return "gauge" }
func (gauge) Task() head.Task { return head.Anomaly }

// Answer needs nothing but the pixels. A system that calls another machine would honour ctx.
func (g gauge) Answer(_ context.Context, q system.Query) (head.Output, error) {
	p := q.Image.Pixels
	grey := func(x, y int) float64 {
		c := p.NRGBAAt(x, y)
		return (float64(c.R) + float64(c.G) + float64(c.B)) / 3
	}
	var sum, square float64
	w, h := q.Image.Width, q.Image.Height
	for y := range h {
		for x := range w {
			sum += grey(x, y)
			square += grey(x, y) * grey(x, y)
		}
	}
	mean := sum / float64(w*h)
	deviation := math.Sqrt(square/float64(w*h)-mean*mean) + 1
	farthest := 0.0
	for y := 0; y+g.side <= h; y += g.side / 2 {
		for x := 0; x+g.side <= w; x += g.side / 2 {
			spot := 0.0
			for i := range g.side * g.side {
				spot += grey(x+i%g.side, y+i/g.side)
			}
			farthest = max(farthest, math.Abs(spot/float64(g.side*g.side)-mean)/deviation)
		}
	}
	return head.Output{Anomaly: farthest}, nil
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	data, err := surfaces.New(surfaces.Config{Seed: 9, N: 35})
	if err != nil {
		return err
	}
	enc, groups, err := systems(data)
	if err != nil {
		return err
	}
	prm, err := attack.Parse("prm(steps=5)")
	if err != nil {
		return err
	}
	eps, err := attack.ParseEps("8/255")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "plumbline-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	journal, err := eval.Run(ctx, &eval.Plan{Title: "gauge", Encoder: enc, Artifact: report.Artifact{Name: "surfaces-tiny"}, Data: data, Groups: groups,
		Attempts: []eval.Attempt{{Name: "prm", Attack: prm, Threat: attack.Linf(eps), Kind: "gradient", Knowledge: "encoder"}}}, dir, false)
	if err != nil {
		return err
	}
	r, _, err := eval.Assemble(nil, nil, journal)
	if err != nil {
		return err
	}
	for _, s := range r.Systems {
		clean, attacked := r.Cell(s.ID, report.Clean).Score, r.Cell(s.ID, "prm@8/255").Score
		fmt.Fprintf(w, "%-9s %-8s clean %.1f, under PRM %.1f (%d images)\n", s.ID, s.Metric.Name, clean.Value, attacked.Value, clean.N)
	}
	return nil
}

// systems are the gauge and a zero-shot head on the encoder that is attacked.
func systems(data *dataset.Dataset) (encoder.Encoder, []eval.Group, error) {
	m, err := models.Open("surfaces-tiny")
	if err != nil {
		return nil, nil, err
	}
	enc, err := m.Encoder()
	if err != nil {
		return nil, nil, err
	}
	rows, err := m.TextEmbeddings()
	if err != nil {
		return nil, nil, err
	}
	zero, err := head.NewZeroShot("zero-shot", rows, m.Labels.LogitScale)
	if err != nil {
		return nil, nil, err
	}
	heads, err := eval.Heads(enc, "same-weights", "", data, eval.HeadSystem{Head: zero})
	if err != nil {
		return nil, nil, err
	}
	whole, err := eval.Whole(eval.WholeSystem{System: gauge{side: 6}, Relation: "black-box", Note: "brightness of spots"}, data)
	return enc, []eval.Group{heads, whole}, err
}
