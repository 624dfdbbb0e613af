package head

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Training says how a head is fitted: Adam (Kingma and Ba, arXiv 1412.6980) on random mini-batches. The same
// seed and data give the same weights, bit for bit, on one kind of processor.
type Training struct {
	Epochs int     `json:"epochs" yaml:"epochs"` // passes over the data; defaults to 60
	Batch  int     `json:"batch" yaml:"batch"`   // rows per step; defaults to 64
	Rate   float64 `json:"rate" yaml:"rate"`     // learning rate; defaults to 0.003, falling to zero along a half cosine
	Decay  float64 `json:"decay" yaml:"decay"`   // L2 penalty on the weights; defaults to 0.0001
	Seed   uint64  `json:"seed" yaml:"seed"`
}

func (t Training) filled() (Training, error) {
	if t.Epochs == 0 {
		t.Epochs = 60
	}
	if t.Batch == 0 {
		t.Batch = 64
	}
	if t.Rate == 0 {
		t.Rate = 0.003
	}
	if t.Decay == 0 {
		t.Decay = 1e-4
	}
	if t.Epochs < 1 || t.Batch < 1 || !(t.Rate > 0) || !(t.Decay >= 0) {
		return t, fmt.Errorf("training with %d epochs, batch %d, rate %v, decay %v", t.Epochs, t.Batch, t.Rate, t.Decay)
	}
	return t, nil
}

// targets are what the rows of a training set should give. The first columns of the net's output are class
// logits, the rest numbers.
type targets struct {
	x       [][]float32
	classes [][]float32 // per row, a weight for each class; the loss is −Σ weight·log softmax
	numbers [][]float32 // per row, wanted numbers; nil for none
	weight  []float32   // per row, weight of the squared error of the numbers
}

func (t *targets) columns() (classes, numbers int) {
	if len(t.classes) > 0 {
		classes = len(t.classes[0])
	}
	if len(t.numbers) > 0 {
		numbers = len(t.numbers[0])
	}
	return classes, numbers
}

// thin drops rows of nothing but background (class 0) at random until about most rows are left; the weight of
// those kept grows accordingly, so that the loss stays the same on average.
func (t *targets) thin(most int, seed uint64) {
	plain := func(row []float32) bool {
		for _, v := range row[1:] {
			if v != 0 {
				return false
			}
		}
		return true
	}
	background := 0
	for _, r := range t.classes {
		if plain(r) {
			background++
		}
	}
	keep := float64(max(most-(len(t.classes)-background), most/4)) / float64(max(background, 1))
	if keep >= 1 {
		return
	}
	rng := rand.New(rand.NewPCG(seed, 0x7468696e))
	all := *t
	*t = targets{}
	for i, r := range all.classes {
		if plain(r) {
			if rng.Float64() >= keep {
				continue
			}
			r[0] /= float32(keep)
		}
		t.x, t.classes = append(t.x, all.x[i]), append(t.classes, r)
		if all.numbers != nil {
			t.numbers, t.weight = append(t.numbers, all.numbers[i]), append(t.weight, all.weight[i])
		}
	}
}

// mostRows is how many patches a dense head learns from, roughly.
const mostRows = 24000

// fit trains n. The loss is the mean over rows of the cross-entropy plus the weighted squared error of the
// numbers.
func (n *net) fit(t *targets, how Training) error {
	how, err := how.filled()
	if err != nil {
		return err
	}
	classes, numbers := t.columns()
	if len(t.x) == 0 || classes+numbers != n.Sizes[len(n.Sizes)-1] {
		return fmt.Errorf("training with %d rows and %d+%d outputs for a net of %v", len(t.x), classes, numbers, n.Sizes)
	}
	n.standardise(t.x)
	batch := min(how.Batch, len(t.x))
	m, err := n.machine(batch, classes, numbers)
	if err != nil {
		return err
	}
	defer m.vm.Close()
	return n.descend(m, t, how, batch)
}

// machine is the loss as a Gorgonia graph for one batch size, with its symbolic gradient: one graph per loss.
type machine struct {
	vm                          G.VM
	x, classes, numbers, weight *G.Node
	learn                       G.Nodes
	loss                        G.Value
}

func (n *net) machine(batch, classes, numbers int) (*machine, error) {
	g := G.NewGraph()
	m := &machine{x: input(g, "x", batch, n.Sizes[0])}
	var b builder
	h := m.x
	for l, d := range n.layers {
		in, out := n.Sizes[l], n.Sizes[l+1]
		w := G.NewMatrix(g, G.Float32, G.WithShape(in, out), G.WithName(fmt.Sprint("w", l)), G.WithValue(matrix(in, out, clone(d.w))))
		bias := G.NewMatrix(g, G.Float32, G.WithShape(1, out), G.WithName(fmt.Sprint("b", l)), G.WithValue(matrix(1, out, clone(d.b))))
		m.learn = append(m.learn, w, bias)
		if l > 0 {
			h = b.quickGELU(h)
		}
		h = b.addRow(b.mul(h, w), bias)
	}
	var loss *G.Node
	if classes > 0 {
		m.classes = input(g, "classes", batch, classes)
		loss = b.crossEntropy(b.columns(h, 0, classes), m.classes)
	}
	if numbers > 0 {
		m.numbers, m.weight = input(g, "numbers", batch, numbers), input(g, "weight", batch, numbers)
		loss = b.plus(loss, b.squaredError(b.columns(h, classes, classes+numbers), m.numbers, m.weight))
	}
	loss = b.scaled(loss, 1/float32(batch))
	if b.err != nil {
		return nil, fmt.Errorf("building the loss: %w", b.err)
	}
	G.Read(loss, &m.loss)
	if _, err := G.Grad(loss, m.learn...); err != nil {
		return nil, fmt.Errorf("differentiating the loss: %w", err)
	}
	m.vm = G.NewTapeMachine(g, G.BindDualValues(m.learn...))
	return m, nil
}

func (n *net) descend(m *machine, t *targets, how Training, batch int) error {
	rng := rand.New(rand.NewPCG(how.Seed, 0x666974))
	steps := (len(t.x) + batch - 1) / batch
	adam := newAdam(how, m.learn)
	for epoch := range how.Epochs {
		order := rng.Perm(len(t.x))
		for s := range steps {
			if err := m.load(n, t, order, s*batch, batch); err != nil {
				return err
			}
			if err := m.vm.RunAll(); err != nil {
				return fmt.Errorf("training step: %w", err)
			}
			if v, ok := m.loss.Data().(float32); !ok || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("the loss became %v in epoch %d: lower the learning rate %v", m.loss, epoch, how.Rate)
			}
			progress := float64(epoch*steps+s) / float64(how.Epochs*steps)
			if err := adam.step(0.5 * (1 + math.Cos(math.Pi*progress))); err != nil {
				return err
			}
			m.vm.Reset()
		}
	}
	for l := range n.layers {
		copy(n.layers[l].w, m.learn[2*l].Value().Data().([]float32))
		copy(n.layers[l].b, m.learn[2*l+1].Value().Data().([]float32))
	}
	n.changed()
	return nil
}

// load hands the machine rows order[at:at+batch]; the last batch of an epoch is filled up from the epoch's
// start.
func (m *machine) load(n *net, t *targets, order []int, at, batch int) error {
	classes, numbers := t.columns()
	x := make([]float32, 0, batch*n.Sizes[0])
	var y, z, w []float32
	for k := range batch {
		i := order[(at+k)%len(order)]
		x = append(x, n.scaled(t.x[i])...)
		if classes > 0 {
			y = append(y, t.classes[i]...)
		}
		if numbers > 0 {
			z = append(z, t.numbers[i]...)
			for range numbers {
				w = append(w, t.weight[i])
			}
		}
	}
	err := G.Let(m.x, matrix(batch, n.Sizes[0], x))
	if classes > 0 {
		err = errors.Join(err, G.Let(m.classes, matrix(batch, classes, y)))
	}
	if numbers > 0 {
		err = errors.Join(err, G.Let(m.numbers, matrix(batch, numbers, z)), G.Let(m.weight, matrix(batch, numbers, w)))
	}
	return err
}

func input(g *G.ExprGraph, name string, rows, cols int) *G.Node {
	return G.NewMatrix(g, G.Float32, G.WithShape(rows, cols), G.WithName(name))
}

func matrix(rows, cols int, data []float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(data))
}

func clone(v []float32) []float32 { return append([]float32(nil), v...) }
