package finetune

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/internal/tower"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// stripes are images of two classes, horizontal and vertical.
type stripes []*tensor.Dense

func (s stripes) Len() int                           { return len(s) }
func (s stripes) Image(i int) (*tensor.Dense, error) { return s[i], nil }
func (s stripes) Label(i int) int                    { return i % 2 }

func newStripes(n int, seed uint64) (out stripes) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for k := range n {
		x := make([]float32, 3*16*16)
		phase := rng.IntN(8)
		for i := range x {
			along := i / 16 % 16
			if k%2 == 1 {
				along = i % 16
			}
			x[i] = 0.2 + 0.1*rng.Float32()
			if (along+phase)/4%2 == 1 {
				x[i] += 0.5
			}
		}
		out = append(out, tensor.New(tensor.WithShape(3, 16, 16), tensor.WithBacking(x)))
	}
	return out
}

func smallEncoder(t *testing.T) *encoder.Model {
	t.Helper()
	src, err := tower.Image{Size: 16, Patch: 4, Width: 24, Depth: 2, Heads: 2, Embed: 12}.Model(3)
	if err != nil {
		t.Fatal(err)
	}
	m, err := encoder.FromONNX(src, encoder.WithPreprocess(encoder.CLIPPreprocess(16)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// twoTexts are orthogonal unit vectors.
func twoTexts() [][]float32 {
	out := [][]float32{make([]float32, 12), make([]float32, 12)}
	out[0][0], out[1][1] = 1, 1
	return out
}

func settings(method string) Config {
	c := Config{Method: method, Eps: "8/255", Steps: 3, Alpha: "eps/2", Momentum: 0.9, Augment: train.Augment{Flip: true, Shift: 1},
		Train: train.Config{Steps: 25, Batch: 4, LR: 2e-3, Warmup: 3, Decay: 1e-4, Clip: 10, Seed: 4}}
	switch method {
	case "jacobian":
		c.Eps, c.Train.LR = "", 3e-4
	case "tokenfare": // many terms, of which the original itself leaves none on clean images: small steps
		c.Train.LR = 2e-4
	}
	return c
}

func values(t *encoder.Trainable) (all []float32) {
	for _, p := range t.Params() {
		all = append(all, p.Value...)
	}
	return all
}

// TestMethodsLearn runs every method: the validation loss, attack included, must fall.
func TestMethodsLearn(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			m := smallEncoder(t)
			c := settings(name)
			c.Train.Every = 25
			held := newStripes(8, 99)
			o := Options{Text: twoTexts(), Held: held}
			before, err := newTask(m, newStripes(16, 1), c, o)
			if err != nil {
				t.Fatal(err)
			}
			first, err := before.Validate(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			_, res, err := Run(context.Background(), m, newStripes(16, 1), c, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("validation loss %.5f to %.5f", first, res.Validation)
			if !(res.Validation < first-1e-3*max(first, -first)) {
				t.Errorf("validation loss went from %v to %v", first, res.Validation)
			}
		})
	}
}

// TestFAREHoldsTheEmbedding measures what an attack of another kind than the training's does.
func TestFAREHoldsTheEmbedding(t *testing.T) {
	m := smallEncoder(t)
	c := settings("fare")
	c.Train.Steps, c.Train.Batch = 60, 8
	robust, _, err := Run(context.Background(), m, newStripes(32, 1), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	images := []*tensor.Dense(newStripes(8, 77))
	eps, _ := attack.ParseEps("8/255")
	drift := func(e encoder.Encoder) (sum float64) {
		pgd := &attack.Gradient{Objective: attack.Embedding{Distance: "l2"}, Iters: 20}
		res, err := pgd.Run(context.Background(), e, images, attack.Linf(eps))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range res.Outcomes {
			sum += o.Value
		}
		return sum
	}
	if a, b := drift(m), drift(robust); b > 0.6*a {
		t.Errorf("an attack moves the embeddings by %v in the original and %v in the robust encoder", a, b)
	}
}

// TestSameWeights trains twice, with another number of processors, and with an interruption.
func TestSameWeights(t *testing.T) {
	for _, which := range []train.Which{"all", "lora:2", "last:1"} {
		c := settings("tokenfare")
		c.Which, c.Train.Steps, c.Train.EMA, c.Train.Every, c.Train.Accumulate = which, 8, 0.9, 3, 2
		data, held := newStripes(9, 1), newStripes(4, 2)
		whole, _, err := Run(context.Background(), smallEncoder(t), data, c, Options{Held: held})
		if err != nil {
			t.Fatal(err)
		}
		old := runtime.GOMAXPROCS(1)
		again, _, err := Run(context.Background(), smallEncoder(t), data, c, Options{Held: held})
		runtime.GOMAXPROCS(old)
		if err != nil || !slices.Equal(values(whole), values(again)) {
			t.Fatalf("%s: one processor gives other weights: %v", which, err)
		}
		o := Options{Held: held, Checkpoint: filepath.Join(t.TempDir(), "c")}
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(p train.Progress) {
			if p.Step == 4 {
				cancel()
			}
		}
		if _, _, err := Run(ctx, smallEncoder(t), data, c, o); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		o.Progress = nil
		resumed, _, err := Run(context.Background(), smallEncoder(t), data, c, o)
		if err != nil || !slices.Equal(values(whole), values(resumed)) {
			t.Errorf("%s: the resumed run gives other weights: %v", which, err)
		}
	}
}

// TestWhich checks that what is not to be trained keeps its bits, and what is does not.
func TestWhich(t *testing.T) {
	want := map[train.Which]func(p *train.Param) bool{
		"all":    func(*train.Param) bool { return true },
		"norm":   func(p *train.Param) bool { return p.Role == train.Norm },
		"last:1": func(p *train.Param) bool { return p.Block >= 1 },
		"lora:2": func(p *train.Param) bool { return p.Role == train.Matrix && len(p.Shape) == 2 },
	}
	for which, keep := range want {
		m := smallEncoder(t)
		c := settings("fare")
		c.Which, c.Train.Steps = which, 3
		got, _, err := Run(context.Background(), m, newStripes(8, 1), c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := m.Trainable()
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range got.Params() {
			if changed := !slices.Equal(p.Value, fresh.Params()[i].Value); changed != keep(p) {
				t.Errorf("%s: %s (%s, block %d) changed: %t", which, p.Name, p.Role, p.Block, changed)
			}
		}
	}
}

func TestConfigurationErrors(t *testing.T) {
	data := newStripes(4, 1)
	for want, change := range map[string]func(*Config, *Options){
		"no method":      func(c *Config, _ *Options) { c.Method = "fair" },
		"needs a budget": func(c *Config, _ *Options) { c.Eps = "" },
		"leave out":      func(c *Config, _ *Options) { c.Method = "jacobian" },
		"text":           func(c *Config, o *Options) { c.Method, o.Text = "tecoa", nil },
		"numbers":        func(c *Config, o *Options) { c.Method, o.Text = "tecoa", [][]float32{{1}, {2}} },
		"chooses":        func(c *Config, _ *Options) { c.Which = "first" },
		"number of at":   func(c *Config, _ *Options) { c.Which = "lora:x" },
		"lr":             func(c *Config, _ *Options) { c.Train.LR = -1 },
		"held out":       func(c *Config, o *Options) { c.Train.Every, o.Held = 1, nil },
		"optimiser":      func(c *Config, _ *Options) { c.Train.Optimizer = "adam" },
	} {
		c, o := settings("fare"), Options{Text: twoTexts()}
		change(&c, &o)
		if _, _, err := Run(context.Background(), smallEncoder(t), data, c, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %q, got %v", want, err)
		}
	}
}
