package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// regression is least squares: y = W·x for samples drawn from a known W, with everything done by hand.
type regression struct {
	w      *Param
	x, y   [][]float64
	cancel func() // called in batch number at
	at     int
	calls  int
}

func newRegression(n int) *regression {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &regression{w: NewParam("w", Matrix, []int{3, 4}, make([]float32, 12)), at: -1}
	truth := make([]float64, 12)
	for i := range truth {
		truth[i] = rng.NormFloat64()
	}
	for range n {
		x, y := make([]float64, 3), make([]float64, 4)
		for i := range x {
			x[i] = rng.NormFloat64()
			for j := range y {
				y[j] += x[i] * truth[4*i+j]
			}
		}
		r.x, r.y = append(r.x, x), append(r.y, y)
	}
	return r
}

func (r *regression) Len() int { return len(r.x) }
func (r *regression) Sync()    {}

func (r *regression) loss(k int, grad []float32) float64 {
	sum := 0.0
	for j := range r.y[k] {
		d := -r.y[k][j]
		for i, x := range r.x[k] {
			d += x * float64(r.w.Value[4*i+j])
		}
		sum += d * d / 2
		if grad != nil {
			for i, x := range r.x[k] {
				grad[4*i+j] += float32(d * x)
			}
		}
	}
	return sum
}

func (r *regression) Batch(ctx context.Context, step int, samples []int) (m Metrics, err error) {
	if r.calls++; r.cancel != nil && r.calls == r.at {
		r.cancel()
		return m, ctx.Err()
	}
	for _, k := range samples {
		m.Loss += r.loss(k, r.w.Grad)
	}
	return m, nil
}

func (r *regression) Validate(context.Context) (float64, error) {
	sum := 0.0
	for k := range r.x {
		sum += r.loss(k, nil)
	}
	return sum / float64(len(r.x)), nil
}

var testConfig = Config{Steps: 60, Batch: 4, Accumulate: 2, LR: 0.1, Warmup: 5, Decay: 0.001, Clip: 5, EMA: 0.9, Every: 7, Seed: 3}

// train runs r with one adapter or none and returns the final weights.
func (r *regression) train(t *testing.T, ctx context.Context, c Config, rank int, checkpoint string) ([]float32, *Result, error) {
	t.Helper()
	run := &Run{Config: c, Task: r, Identity: "regression", Checkpoint: checkpoint, Save: 9}
	if rank == 0 {
		run.Params = []*Param{r.w}
	} else {
		l, err := NewLoRA(r.w, rank, 2, 5)
		if err != nil {
			t.Fatal(err)
		}
		run.Adapters = []*LoRA{l}
	}
	res, err := run.Train(ctx)
	return slices.Clone(r.w.Value), res, err
}

func TestTrainingFindsTheSolution(t *testing.T) {
	for _, c := range []Config{
		{Steps: 300, Batch: 8, LR: 0.1, Warmup: 10, Seed: 1},
		{Steps: 300, Batch: 8, LR: 0.05, Optimizer: "sgd", Warmup: 10, Seed: 1},
		{Steps: 300, Batch: 8, LR: 0.1, Warmup: 10, EMA: 0.95, Every: 50, Seed: 1},
	} {
		for _, rank := range []int{0, 3} {
			r := newRegression(32)
			if _, _, err := r.train(t, context.Background(), c, rank, ""); err != nil {
				t.Fatal(err)
			}
			if v, _ := r.Validate(context.Background()); v > 1e-3 {
				t.Errorf("%s, rank %d: loss %g", c, rank, v)
			}
		}
	}
}

// TestResume interrupts a run in every third batch and goes on from the checkpoint.
func TestResume(t *testing.T) {
	for _, rank := range []int{0, 2} {
		whole, want, err := newRegression(21).train(t, context.Background(), testConfig, rank, "")
		if err != nil {
			t.Fatal(err)
		}
		twice, _, err := newRegression(21).train(t, context.Background(), testConfig, rank, "")
		if err != nil || !slices.Equal(whole, twice) {
			t.Fatalf("the same run gives other weights: %v", err)
		}
		for at := 1; at < 120; at += 3 {
			path := filepath.Join(t.TempDir(), "c")
			r := newRegression(21)
			ctx, cancel := context.WithCancel(context.Background())
			r.at, r.cancel = at, cancel
			if _, _, err := r.train(t, ctx, testConfig, rank, path); !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted run ended with %v", err)
			}
			got, res, err := newRegression(21).train(t, context.Background(), testConfig, rank, path)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, whole) || res.BestAt != want.BestAt || res.Validation != want.Validation {
				t.Errorf("rank %d, interrupted in batch %d: the weights differ", rank, at)
			}
		}
	}
}

// TestKilled takes a run up from a periodic checkpoint, as after a kill that left no time to write one.
func TestKilled(t *testing.T) {
	whole, _, err := newRegression(21).train(t, context.Background(), testConfig, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "c")
	killed := errors.New("killed")
	r := newRegression(21)
	run := &Run{Config: testConfig, Task: dying{r, killed}, Identity: "regression", Params: []*Param{r.w}, Checkpoint: path, Save: 9}
	if _, err := run.Train(context.Background()); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	got, _, err := newRegression(21).train(t, context.Background(), testConfig, 0, path)
	if err != nil || !slices.Equal(got, whole) {
		t.Errorf("weights differ after a kill: %v", err)
	}
}

// dying fails in step 40, which leaves the checkpoint of step 36.
type dying struct {
	*regression
	err error
}

func (d dying) Batch(ctx context.Context, step int, samples []int) (Metrics, error) {
	if step == 40 {
		return Metrics{}, d.err
	}
	return d.regression.Batch(ctx, step, samples)
}

func TestCheckpointRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	if _, _, err := newRegression(21).train(t, context.Background(), testConfig, 0, path); err != nil {
		t.Fatal(err)
	}
	other := testConfig
	other.LR = 0.2
	if _, _, err := newRegression(21).train(t, context.Background(), other, 0, path); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("a checkpoint of another configuration: %v", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)-3] },
		func(b []byte) []byte { return b[:40] },
		func(b []byte) []byte { b[len(b)-20] ^= 1; return b },
		func(b []byte) []byte { b[0] ^= 1; return b },
		func(b []byte) []byte { b[len(checkpointMagic)+3] = 0xff; return b },
	} {
		if err := os.WriteFile(path, damage(slices.Clone(raw)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := newRegression(21).train(t, context.Background(), testConfig, 0, path); err == nil {
			t.Error("a damaged checkpoint was read")
		}
	}
}

func TestEarlyStopping(t *testing.T) {
	c := Config{Steps: 10000, Batch: 8, LR: 0.3, Optimizer: "sgd", Every: 5, Patience: 3, Seed: 1}
	r := newRegression(32)
	_, res, err := r.train(t, context.Background(), c, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	v, _ := r.Validate(context.Background())
	if !res.Stopped || res.Steps >= c.Steps || v != res.Validation {
		t.Errorf("%+v, loss of the weights kept %g", res, v)
	}
}

func TestDivergenceIsReported(t *testing.T) {
	r := newRegression(8)
	_, _, err := r.train(t, context.Background(), Config{Steps: 1000, Batch: 8, LR: 900, Optimizer: "sgd"}, 0, "")
	if err == nil || !strings.Contains(err.Error(), "learning rate") {
		t.Errorf("divergence gives %v after weights %v", err, r.w.Value)
	}
	for _, v := range r.w.Value {
		if math.IsNaN(float64(v)) {
			t.Fatal("a step was taken along a gradient that is not finite")
		}
	}
}

// TestStop ends where a longer run of the same schedule passes.
func TestStop(t *testing.T) {
	c := Config{Steps: 40, Batch: 4, LR: 0.1, Warmup: 5, Seed: 3}
	var want []float32
	r := newRegression(21)
	run := &Run{Config: c, Task: r, Params: []*Param{r.w}, Progress: func(p Progress) {
		if p.Step == 25 {
			want = slices.Clone(r.w.Value)
		}
	}}
	if _, err := run.Train(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.Stop = 25
	got, res, err := newRegression(21).train(t, context.Background(), c, 0, "")
	if err != nil || res.Steps != 25 || !slices.Equal(got, want) {
		t.Errorf("stopped after %d steps with other weights: %v", res.Steps, err)
	}
}
