package head

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
)

func TestDecoderCaptions(t *testing.T) {
	train, test := data(t)
	h, err := TrainDecoder("decoder", encoder.Block(0), train[:280], DecoderSize{Hidden: 48, Keys: 16}, Training{Epochs: 5, Batch: 24, Rate: 0.01, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, constant := cider(t, h, test)
	t.Logf("CIDEr-D %.2f (constant %.2f), for example %q", got, constant, predict(t, h, test[8]).Text)
	if got < 1.5*constant {
		t.Errorf("CIDEr-D %.2f, a constant caption %.2f", got, constant)
	}
	in, _ := test[2].Input(h.Taps())
	checkVJP(t, h, in, 2e-2)
	checkStored(t, h, test)
}

// The caption names the colour of the one token that differs, wherever it is: only attention over the tokens
// can tell.
func TestDecoderAttends(t *testing.T) {
	colours := []string{"red", "green", "blue"}
	rng := rand.New(rand.NewPCG(1, 1))
	make1 := func() Features {
		k := rng.IntN(3)
		a := Matrix(9, 6, make([]float32, 54))
		for i := range a.Data {
			a.Data[i] = float32(0.1 * rng.NormFloat64())
		}
		row := a.Row(rng.IntN(9))
		row[k], row[5] = 1, 1
		return Features{Sample: &dataset.Sample{ID: "x", Label: k, Captions: []string{"one " + colours[k] + " spot, here"}}, Acts: map[encoder.Tap]Activation{encoder.Tokens: a}}
	}
	var train, test []Features
	for range 150 {
		train, test = append(train, make1()), append(test, make1())
	}
	h, err := TrainDecoder("spots", encoder.Tokens, train, DecoderSize{Hidden: 24, Keys: 8}, Training{Epochs: 30, Batch: 30, Rate: 0.02, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, f := range test {
		if predict(t, h, f).Text == f.Sample.Captions[0] {
			right++
		}
	}
	if right < 145 {
		t.Errorf("%d of 150 captions are right, for example %q", right, predict(t, h, test[0]).Text)
	}
}

// Matrix products that the linear algebra splits over processors must not change the result.
func TestLargeTrainingIsDeterministic(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	ts := &targets{x: randomRows(rng, 300, 160)}
	for i := range ts.x {
		ts.classes = append(ts.classes, []float32{float32(i % 2), float32(1 - i%2)})
	}
	var first []float32
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(processors)
		n, err := newNet([]int{160, 130, 2}, 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.fit(ts, Training{Epochs: 3, Batch: 256, Seed: 1}); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = clone(n.layers[0].w)
		} else if !slices.Equal(first, n.layers[0].w) {
			t.Fatalf("the same seed gave other weights on %d processors", processors)
		}
	}
}

// The loss that is trained equals the one that the decoder's own steps give.
func TestDecoderLossAgrees(t *testing.T) {
	train, _ := data(t)
	d := &Decoder{name: "d", cfg: decoderConfig{Tap: encoder.Tokens, Hidden: 12, Keys: 5}}
	lessons, err := d.prepare(train[:4])
	if err != nil {
		t.Fatal(err)
	}
	d.initialise(5)
	m, err := d.machine(3, 65)
	if err != nil {
		t.Fatal(err)
	}
	defer m.vm.Close()
	if err := d.load(m, lessons, []int{2, 7, 4}, 0); err != nil {
		t.Fatal(err)
	}
	if err := m.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	loss := func() float64 {
		var sum float64
		for _, i := range []int{2, 7, 4} {
			sum += d.lossOf(lessons[i]) / 3
		}
		return sum
	}
	if got, want := float64(m.loss.Data().(float32)), loss(); math.Abs(got-want) > 1e-4*want {
		t.Errorf("loss %v, by the decoder's steps %v", got, want)
	}
	for i, w := range d.shapes() {
		if w.name == "wu" || w.name == "wk" || w.name == "wv" {
			continue // large; the gradient of wz, wq and the biases passes through the same nodes
		}
		grad, err := m.learn[i].Grad()
		if err != nil {
			t.Fatal(err)
		}
		if len(*w.data) < 400 {
			compareGradient(t, *w.data, grad, loss)
		}
	}
}

func (d *Decoder) lossOf(l lesson) float64 {
	m := &memory{Matrix(l.tokens.Shape[0], d.cfg.Keys, nil), Matrix(l.tokens.Shape[0], d.cfg.Hidden, nil)}
	for t := range l.tokens.Shape[0] {
		m.keys.Data = append(m.keys.Data, dense{d.p.wk, make([]float32, d.cfg.Keys)}.apply(l.tokens.Row(t), d.cfg.Keys)...)
		m.values.Data = append(m.values.Data, dense{d.p.wv, make([]float32, d.cfg.Hidden)}.apply(l.tokens.Row(t), d.cfg.Hidden)...)
	}
	var sum float64
	for i, w := range l.words {
		sum -= math.Log(softmax(d.step(m, contextOf(l.words, i)).logits)[w])
	}
	return sum
}

func TestCaptionWordsRoundTrip(t *testing.T) {
	words := captionWords("A photo of tile with a dent, upper left")
	if got := strings.Join(words, " "); got != "a photo of tile with a dent , upper left" {
		t.Error(got)
	}
	if got := joinWords([]string{"<start>", "<end>", ",", "dent", "left"}, []int{3, 2, 4, 1, 3}); got != "dent, left" {
		t.Error(got)
	}
}
