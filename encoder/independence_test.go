package encoder

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/internal/tower"
)

// small is a transformer large enough for every loop to be split.
var small = tower.Image{Size: 96, Patch: 16, Width: 192, Depth: 2, Heads: 3, Embed: 32}

func openVIT(t testing.TB, s tower.Image, opts ...Option) *Model {
	t.Helper()
	src, err := s.Model(7)
	if err != nil {
		t.Fatal(err)
	}
	m, err := FromONNX(src, append(opts, WithName("vit"))...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func pictures(n, h, w int) []*tensor.Dense {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	var out []*tensor.Dense
	for range n {
		v := make([]float32, 3*h*w)
		for i := range v {
			v[i] = rng.Float32()
		}
		out = append(out, tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(v)))
	}
	return out
}

// pass is every bit of a trace's activations and gradients, image by image.
func pass(t testing.TB, m *Model, images []*tensor.Dense) [][]float32 {
	t.Helper()
	ctx := context.Background()
	tr, err := m.Trace(ctx, images, append(m.Spec().Layers(), Embedding)...)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	out := make([][]float32, len(images))
	var cots []*tensor.Dense
	for i := range m.Spec().Depth + 2 {
		a := tr.Activation(i)
		cots = append(cots, a.Clone().(*tensor.Dense))
		n := a.Size() / len(images)
		for b := range images {
			out[b] = append(out[b], a.Float32s()[b*n:(b+1)*n]...)
		}
	}
	grads, err := tr.VJP(ctx, cots)
	if err != nil {
		t.Fatal(err)
	}
	for b, g := range grads {
		out[b] = append(out[b], g.Float32s()...)
	}
	return out
}

func TestBatchOfEightEqualsEightOfOne(t *testing.T) {
	m := openVIT(t, small)
	images := pictures(8, 96, 96)
	together := pass(t, m, images)
	for b, img := range images {
		alone := pass(t, m, []*tensor.Dense{img})[0]
		if !slices.Equal(together[b], alone) {
			t.Fatalf("image %d: a batch gives other bits than the image alone", b)
		}
	}
}

func TestThreadCountChangesNothing(t *testing.T) {
	images := pictures(1, 96, 96)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := pass(t, openVIT(t, small), images)[0]
	for _, n := range []int{2, 3, 8} {
		runtime.GOMAXPROCS(n)
		m := openVIT(t, small)
		for range 5 {
			if !slices.Equal(pass(t, m, images)[0], want) {
				t.Fatalf("%d threads give other bits than one", n)
			}
		}
	}
}

func TestTraceStepAllocatesNothing(t *testing.T) {
	for _, c := range []struct{ processors, images int }{{1, 1}, {1, 3}, {2, 1}, {2, 5}} {
		if n := stepAllocations(t, c.processors, c.images); n >= 1 {
			t.Errorf("a step on %d images allocates %g times on %d processors, want 0", c.images, n, c.processors)
		}
	}
}

// stepAllocations is how often a step allocates on average. testing.AllocsPerRun would take all processors but one.
func stepAllocations(t *testing.T, processors, n int) float64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	m := openVIT(t, small)
	ctx := context.Background()
	images := pictures(n, 120, 100)
	taps := m.Spec().Layers()
	var cots []*tensor.Dense
	step := func() {
		tr, err := m.Trace(ctx, images, taps...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range taps {
			if len(cots) <= i {
				cots = append(cots, tr.Activation(i).Clone().(*tensor.Dense))
			}
		}
		if _, err := tr.VJP(ctx, cots); err != nil {
			t.Fatal(err)
		}
		tr.Close()
	}
	for range 3 {
		step()
	}
	const steps = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range steps {
		step()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / steps
}

func TestConcurrentTraces(t *testing.T) {
	m := openVIT(t, small)
	images := pictures(6, 96, 96)
	var want [][]float32
	for _, img := range images {
		want = append(want, pass(t, m, []*tensor.Dense{img})[0])
	}
	err := parallel(len(images), func(i int) error {
		for range 3 {
			if !slices.Equal(pass(t, m, images[i:i+1])[0], want[i]) {
				t.Errorf("image %d: concurrent traces disturb each other", i)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
