package engine

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/graph"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// TestLayoutNeverOverlapsLiveSpans draws random lives and checks every pair.
func TestLayoutNeverOverlapsLiveSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	for range 200 {
		var spans []*span
		for range 1 + rng.IntN(40) {
			start := rng.IntN(30)
			spans = append(spans, &span{size: 16 * (1 + rng.IntN(9)), start: start, end: start + rng.IntN(12)})
		}
		total := layout(spans)
		for i, a := range spans {
			if a.at < 0 || a.at+a.size > total {
				t.Fatalf("a span leaves the arena: %+v of %d", *a, total)
			}
			for _, b := range spans[:i] {
				alive := a.start <= b.end && b.start <= a.end
				apart := a.at+a.size <= b.at || b.at+b.size <= a.at
				if alive && !apart {
					t.Fatalf("spans that live at once overlap: %+v %+v", *a, *b)
				}
			}
		}
	}
}

// chain is x → relu → +x → exp …, whose values are read at various distances.
func chain(g *graph.Graph, n int) *graph.Value {
	x := g.Input("x", graph.Float32, 1, 64)
	v := x
	for i := range n {
		switch i % 3 {
		case 0:
			v = g.Map(kernel.Relu, v)
		case 1:
			v = g.Add(v, x)
		default:
			v = g.Map(kernel.Sigmoid, v)
		}
	}
	return v
}

func TestMemoryIsReused(t *testing.T) {
	g := graph.New(1 << 20)
	g.Outputs = []*graph.Value{chain(g, 60)}
	p, err := Compile(g, len(g.Nodes), nil, graph.NewWeights())
	if err != nil {
		t.Fatal(err)
	}
	if most := 5 * 64 * 4; p.Arena() > most {
		t.Errorf("a chain of 60 operators on 64 floats takes %d bytes, want ≤ %d", p.Arena(), most)
	}
}

func TestRunsRepeatAndCancel(t *testing.T) {
	g := graph.New(1 << 20)
	y := chain(g, 7)
	g.Outputs = []*graph.Value{y}
	p, err := Compile(g, len(g.Nodes), nil, graph.NewWeights())
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.NewState(2)
	if err != nil {
		t.Fatal(err)
	}
	var first []float32
	for range 3 {
		for i := range s.Values(g.Inputs[0]) {
			s.Values(g.Inputs[0])[i] = float32(i)/8 - 3
		}
		if err := s.Forward(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := append([]float32(nil), s.Values(y)...)
		if first == nil {
			first = got
		}
		for i := range got {
			if got[i] != first[i] {
				t.Fatal("a second run gives another result")
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Forward(ctx); err != context.Canceled {
		t.Errorf("a cancelled run returns %v", err)
	}
}

func TestTooMuchMemoryIsRefused(t *testing.T) {
	g := graph.New(1 << 20)
	x := g.Input("x", graph.Float32, 1<<27)
	v := x
	for range 70 {
		v = g.Map(kernel.Relu, v)
		g.Outputs = append(g.Outputs, v)
	}
	if _, err := Compile(g, len(g.Nodes), nil, graph.NewWeights()); err == nil {
		t.Error("70 outputs of 512 MiB were accepted")
	}
}
