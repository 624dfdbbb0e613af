package head

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
)

func randomRows(rng *rand.Rand, n, width int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, width)
		for j := range rows[i] {
			rows[i][j] = float32(rng.NormFloat64())
		}
	}
	return rows
}

// The symbolic gradient of the training loss equals central differences of the loss computed by the nets' own
// forward.
func TestTrainingGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const rows, classes, numbers = 5, 3, 2
	n, err := newNet([]int{4, 6, classes + numbers}, 7)
	if err != nil {
		t.Fatal(err)
	}
	ts := &targets{x: randomRows(rng, rows, 4)}
	for i := range rows {
		ts.classes = append(ts.classes, []float32{0.2, float32(i % 2), 0.5})
		ts.numbers = append(ts.numbers, []float32{float32(i), -1})
		ts.weight = append(ts.weight, float32(i)*0.3)
	}
	n.standardise(ts.x)
	m, err := n.machine(rows, classes, numbers)
	if err != nil {
		t.Fatal(err)
	}
	defer m.vm.Close()
	for run := range 2 { // the second run must not add to the first one's gradient
		if err := m.load(n, ts, []int{0, 1, 2, 3, 4}, 0, rows); err != nil {
			t.Fatal(err)
		}
		if err := m.vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		if run == 0 {
			if err := newAdam(Training{}, m.learn).step(0); err != nil {
				t.Fatal(err)
			}
			m.vm.Reset()
		}
	}
	if got, want := float64(m.loss.Data().(float32)), lossOf(n, ts); math.Abs(got-want) > 1e-4*want {
		t.Fatalf("loss %v, by definition %v", got, want)
	}
	for l := range n.layers {
		for k, w := range [][]float32{n.layers[l].w, n.layers[l].b} {
			grad, err := m.learn[2*l+k].Grad()
			if err != nil {
				t.Fatal(err)
			}
			compareGradient(t, w, grad, func() float64 { return lossOf(n, ts) })
		}
	}
}

func compareGradient(t *testing.T, w []float32, grad G.Value, loss func() float64) {
	t.Helper()
	got := grad.Data().([]float32)
	var off, size float64
	for i, x := range w {
		const step = 1.0 / 256
		w[i] = x + step
		up := loss()
		w[i] = x - step
		down := loss()
		w[i] = x
		want := (up - down) / (2 * step)
		off += (want - float64(got[i])) * (want - float64(got[i]))
		size += want * want
	}
	if math.Sqrt(off/size) > 2e-3 {
		t.Errorf("gradient is off by %.2g of its size", math.Sqrt(off/size))
	}
}

// lossOf is the training loss in float64 from the definition.
func lossOf(n *net, ts *targets) float64 {
	n.changed()
	var sum float64
	classes, _ := ts.columns()
	for i, x := range ts.x {
		out, _ := n.forward(x)
		var z float64
		for _, v := range out[:classes] {
			z += math.Exp(float64(v))
		}
		for k, w := range ts.classes[i] {
			sum -= float64(w) * (float64(out[k]) - math.Log(z))
		}
		for k, want := range ts.numbers[i] {
			d := float64(out[classes+k]) - float64(want)
			sum += float64(ts.weight[i]) * d * d
		}
	}
	return sum / float64(len(ts.x))
}

// Two spirals cannot be told apart by a line; a small net must learn them, and the same seed must learn the
// same weights.
func TestFitLearnsAndIsDeterministic(t *testing.T) {
	ts := &targets{}
	for i := range 120 {
		r, side := 0.1+float64(i/2)/60, float64(i%2)
		angle := 4*r + math.Pi*side
		ts.x = append(ts.x, []float32{float32(r * math.Cos(angle)), float32(r * math.Sin(angle))})
		ts.classes = append(ts.classes, []float32{float32(1 - side), float32(side)})
	}
	var first []float32
	for range 2 {
		n, err := newNet([]int{2, 24, 2}, 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.fit(ts, Training{Epochs: 150, Batch: 50, Rate: 0.03, Seed: 1}); err != nil {
			t.Fatal(err)
		}
		right := 0
		for i, x := range ts.x {
			out, _ := n.forward(x)
			if argmax(out) == i%2 {
				right++
			}
		}
		if right < 118 {
			t.Errorf("%d of 120 points are learned", right)
		}
		if first == nil {
			first = clone(n.layers[0].w)
		} else if !slices.Equal(first, n.layers[0].w) {
			t.Error("the same seed gave other weights")
		}
	}
}

func TestFitRefusesBadInput(t *testing.T) {
	n, _ := newNet([]int{2, 2}, 1)
	if err := n.fit(&targets{}, Training{}); err == nil {
		t.Error("no rows were accepted")
	}
	ts := &targets{x: [][]float32{{1, float32(math.NaN())}}, classes: [][]float32{{1, 0}}}
	if err := n.fit(ts, Training{Epochs: 1}); err == nil {
		t.Error("a NaN was trained on")
	}
	for _, sizes := range [][]int{{3}, {0, 2}, {1 << 20, 1 << 20}} {
		if _, err := newNet(sizes, 1); err == nil {
			t.Errorf("net %v was accepted", sizes)
		}
	}
}

// Rows of a batch give what each gives alone, forward and back, and a row gives what the definition in float64 gives.
func TestNetRows(t *testing.T) {
	const rows = 7
	n, err := newNet([]int{37, 19, 50}, 5)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x, d := make([]float32, rows*37), make([]float32, rows*50)
	for _, v := range [][]float32{x, d, n.mean, n.layers[0].b, n.layers[1].b} {
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
	}
	for i := range n.invStd {
		n.invStd[i] = 0.5 + rng.Float32()
	}
	out, pre := n.forward(x)
	back := n.vjp(pre, d)
	for r := range rows {
		one, keep := n.forward(x[r*37 : (r+1)*37])
		if !slices.Equal(one, out[r*50:(r+1)*50]) {
			t.Errorf("row %d depends on the others", r)
		}
		if !slices.Equal(n.vjp(keep, d[r*50:(r+1)*50]), back[r*37:(r+1)*37]) {
			t.Errorf("gradient of row %d depends on the others", r)
		}
		want := n.layers[1].apply(activate(n.layers[0].apply(n.scaled(x[r*37:(r+1)*37]), 19)), 50)
		for j, v := range one {
			if math.Abs(float64(v-want[j])) > 1e-5*(1+math.Abs(float64(want[j]))) {
				t.Errorf("row %d, output %d: %v, want %v", r, j, v, want[j])
			}
		}
	}
}
