// Package speed times forward and gradient passes of transformers built in memory, alone or in turn with
// another program that speaks the same lines.
package speed

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/kernel"
	"github.com/plumbline-ml/plumbline/internal/tower"
)

// Result is what one timing run found. Times are medians, in seconds for one image.
type Result struct {
	Shape    string  `json:"shape"`
	Batch    int     `json:"batch"`
	Threads  int     `json:"threads"`
	CPU      string  `json:"cpu"`
	Go       string  `json:"go"`
	LoadS    float64 `json:"load_s"` // from a model in memory to packed and ready for both passes
	ForwardS float64 `json:"forward_s"`
	GradS    float64 `json:"grad_s"`
	Forward  float64 `json:"forward_gflops"`
	Grad     float64 `json:"grad_gflops"`
}

// Bench holds a model ready to be timed.
type Bench struct {
	name   string
	shape  tower.Image
	model  *encoder.Model
	images []*tensor.Dense
	load   time.Duration
}

// New builds the named shape with seeded weights and warms both passes.
func New(name string, batch, threads int) (*Bench, error) {
	shape, ok := tower.Shapes[name]
	if !ok {
		return nil, fmt.Errorf("shape %q is not known; shapes are tiny, b32, b16, l14", name)
	}
	if batch < 1 || batch > 1024 || threads < 1 {
		return nil, fmt.Errorf("batch %d and threads %d must be positive, and the batch at most 1024", batch, threads)
	}
	runtime.GOMAXPROCS(threads)
	src, err := shape.Model(1)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	m, err := encoder.FromONNX(src, encoder.WithName(name))
	if err != nil {
		return nil, err
	}
	b := &Bench{name: name, shape: shape, model: m, images: noise(shape.Size, batch)}
	for _, f := range []func() error{b.gradient, b.forward} {
		if err := f(); err != nil {
			return nil, err
		}
	}
	b.load = time.Since(start)
	return b, nil
}

func noise(side, n int) []*tensor.Dense {
	rng := rand.New(rand.NewPCG(2, 0))
	var out []*tensor.Dense
	for range n {
		v := make([]float32, 3*side*side)
		for i := range v {
			v[i] = rng.Float32()
		}
		out = append(out, tensor.New(tensor.WithShape(3, side, side), tensor.WithBacking(v)))
	}
	return out
}

func (b *Bench) forward() error {
	_, err := b.model.Forward(context.Background(), b.images, encoder.Tokens, encoder.Embedding)
	return err
}

// gradient is that of ‖tokens‖² + ‖embedding‖² at the pixels.
func (b *Bench) gradient() error {
	ctx := context.Background()
	t, err := b.model.Trace(ctx, b.images, encoder.Tokens, encoder.Embedding)
	if err != nil {
		return err
	}
	defer t.Close()
	cots := make([]*tensor.Dense, 2)
	for i := range cots {
		cots[i] = t.Activation(i)
	}
	_, err = t.VJP(ctx, cots)
	return err
}

// clock times one pass, in seconds for one image.
func (b *Bench) clock(f func() error) (float64, error) {
	start := time.Now()
	err := f()
	return time.Since(start).Seconds() / float64(len(b.images)), err
}

// Run times both passes in turn and takes the medians.
func (b *Bench) Run(rounds int) (Result, error) {
	var fwd, grad []float64
	for range max(rounds, 1) {
		s, err := b.clock(b.forward)
		if err != nil {
			return Result{}, err
		}
		fwd = append(fwd, s)
		if s, err = b.clock(b.gradient); err != nil {
			return Result{}, err
		}
		grad = append(grad, s)
	}
	r := Result{Shape: b.name, Batch: len(b.images), Threads: runtime.GOMAXPROCS(0), CPU: kernel.CPU(), Go: runtime.Version(), LoadS: b.load.Seconds()}
	r.ForwardS, r.GradS = median(fwd), median(grad)
	r.Forward, r.Grad = b.shape.FLOPs()/r.ForwardS/1e9, 2*b.shape.FLOPs()/r.GradS/1e9
	return r, nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// Serve writes "ready" and then, for every line "fwd" or "grad" it reads, runs that pass once and writes
// its seconds for one image. Two programs that serve can be timed in turn on a noisy machine.
func (b *Bench) Serve(r io.Reader, w io.Writer) error {
	if _, err := fmt.Fprintln(w, "ready"); err != nil {
		return err
	}
	in := bufio.NewScanner(r)
	for in.Scan() {
		f, ok := map[string]func() error{"fwd": b.forward, "grad": b.gradient}[strings.TrimSpace(in.Text())]
		if !ok {
			return fmt.Errorf("line %q is neither fwd nor grad", in.Text())
		}
		s, err := b.clock(f)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, s); err != nil {
			return err
		}
	}
	return in.Err()
}

// Write saves the named shape's model, so that another runtime can be timed on the same.
func Write(name, path string) error {
	shape, ok := tower.Shapes[name]
	if !ok {
		return fmt.Errorf("shape %q is not known; shapes are tiny, b32, b16, l14", name)
	}
	m, err := shape.Model(1)
	if err != nil {
		return err
	}
	return m.Save(path)
}
