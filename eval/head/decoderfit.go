package head

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/metric"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// DecoderSize says how large a decoder is.
type DecoderSize struct {
	Hidden int `json:"hidden" yaml:"hidden"` // defaults to 64
	Keys   int `json:"keys" yaml:"keys"`     // defaults to 32
}

// TrainDecoder fits a decoder to all captions of the images by the cross-entropy of each word given those
// before it. Batch counts captions. Words are those of [metric.Words], commas kept; captions longer than 40
// words are cut.
func TrainDecoder(name string, tap encoder.Tap, feats []Features, size DecoderSize, how Training) (*Decoder, error) {
	how, err := how.filled()
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	if size.Hidden == 0 {
		size.Hidden = 64
	}
	if size.Keys == 0 {
		size.Keys = 32
	}
	d := &Decoder{name: name, cfg: decoderConfig{Tap: tap, Hidden: size.Hidden, Keys: size.Keys}}
	lessons, err := d.prepare(feats)
	if err != nil {
		return nil, err
	}
	if err := d.validate(); err != nil {
		return nil, err
	}
	d.initialise(how.Seed)
	m, err := d.machine(min(how.Batch, len(lessons)), lessons[0].tokens.Shape[0])
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	defer m.vm.Close()
	if err := d.learn(m, lessons, how); err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return d, nil
}

// lesson is one caption of one image.
type lesson struct {
	tokens Activation // standardised
	words  []int      // end word included
}

const longestCaption = 40

// prepare builds the vocabulary and the standardisation and returns the captions.
func (d *Decoder) prepare(feats []Features) ([]lesson, error) {
	var rows [][]float32
	var acts []Activation
	seen := map[string]bool{}
	for _, f := range feats {
		in, err := f.Input([]encoder.Tap{d.cfg.Tap})
		if err != nil {
			return nil, fmt.Errorf("head %s: %w", d.name, err)
		}
		a := in.Acts[0]
		if len(a.Shape) != 2 || a.Shape[0] == 0 || len(acts) > 0 && !slices.Equal(a.Shape, acts[0].Shape) {
			return nil, fmt.Errorf("head %s: image %s has tokens of shape %v", d.name, f.Sample.ID, a.Shape)
		}
		acts = append(acts, a)
		for t := range a.Shape[0] {
			rows = append(rows, a.Row(t))
		}
		for _, c := range f.Sample.Captions {
			for _, w := range captionWords(c) {
				seen[w] = true
			}
		}
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("head %s: no image has a caption", d.name)
	}
	d.cfg.Width = acts[0].Shape[1]
	d.in = scaler(d.cfg.Width)
	d.in.standardise(rows)
	d.cfg.Words = []string{"<start>", "<end>"}
	for w := range seen {
		d.cfg.Words = append(d.cfg.Words, w)
	}
	slices.Sort(d.cfg.Words[2:])
	return d.lessons(feats, acts), nil
}

func (d *Decoder) lessons(feats []Features, acts []Activation) []lesson {
	var out []lesson
	for i, f := range feats {
		x := acts[i].Zeros()
		for t := range x.Shape[0] {
			copy(x.Row(t), d.in.scaled(acts[i].Row(t)))
		}
		for _, c := range f.Sample.Captions {
			var words []int
			for _, w := range captionWords(c) {
				at, _ := slices.BinarySearch(d.cfg.Words[2:], w)
				words = append(words, at+2)
			}
			words = append(words, endWord)
			d.cfg.Length = max(d.cfg.Length, len(words))
			out = append(out, lesson{x, words})
		}
	}
	return out
}

// captionWords are the words of a caption, with a comma as a word.
func captionWords(caption string) []string {
	var out []string
	for i, part := range strings.Split(caption, ",") {
		if i > 0 {
			out = append(out, ",")
		}
		out = append(out, metric.Words(part)...)
	}
	return out[:min(len(out), longestCaption)]
}

func joinWords(vocabulary []string, words []int) string {
	var b strings.Builder
	for _, w := range words {
		if w == endWord {
			break
		}
		if b.Len() > 0 && vocabulary[w] != "," {
			b.WriteByte(' ')
		}
		b.WriteString(vocabulary[w])
	}
	return b.String()
}

func (d *Decoder) initialise(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0x6465636f))
	for _, w := range d.shapes() {
		*w.data = make([]float32, w.rows*w.cols)
		if w.rows == 1 {
			continue
		}
		scale := 1 / math.Sqrt(float64(w.rows))
		if w.name == "wu" { // only one row per word of the context is ever active
			scale = 0.5
		}
		for i := range *w.data {
			(*w.data)[i] = float32(rng.NormFloat64() * scale)
		}
	}
}

// teacher is the training loss as a Gorgonia graph for a batch of captions.
type teacher struct {
	vm                 G.VM
	batch, tokens      int
	context, x, wanted *G.Node
	learn              G.Nodes
	loss               G.Value
}

func (d *Decoder) machine(batch, tokens int) (*teacher, error) {
	g := G.NewGraph()
	c, v := d.cfg, len(d.cfg.Words)
	rows := batch * c.Length
	m := &teacher{batch: batch, tokens: tokens, context: input(g, "context", rows, decoderContext*v),
		x: input(g, "tokens", batch*tokens, c.Width), wanted: input(g, "wanted", rows, v)}
	w := map[string]*G.Node{}
	for _, s := range d.shapes() {
		w[s.name] = G.NewMatrix(g, G.Float32, G.WithShape(s.rows, s.cols), G.WithName(s.name), G.WithValue(matrix(s.rows, s.cols, clone(*s.data))))
		m.learn = append(m.learn, w[s.name])
	}
	var b builder
	state := b.quickGELU(b.addRow(b.mul(m.context, w["wu"]), w["bu"]))
	query := b.reshape(b.mul(state, w["wq"]), batch, c.Length, c.Keys)
	keys := b.reshape(b.mul(m.x, w["wk"]), batch, tokens, c.Keys)
	values := b.reshape(b.mul(m.x, w["wv"]), batch, tokens, c.Hidden)
	scores := b.scaled(b.do(func() (*G.Node, error) { return G.BatchedMatMul(query, keys, false, true) }), float32(1/math.Sqrt(float64(c.Keys))))
	attention := b.do(func() (*G.Node, error) { return G.SoftMax(scores, 2) })
	attended := b.do(func() (*G.Node, error) { return G.BatchedMatMul(attention, values) })
	z := b.quickGELU(b.addRow(b.mul(b.plus(state, b.reshape(attended, rows, c.Hidden)), w["wz"]), w["bz"]))
	loss := b.scaled(b.crossEntropy(b.addRow(b.mul(z, w["wo"]), w["bo"]), m.wanted), 1/float32(batch))
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

func (d *Decoder) learn(m *teacher, lessons []lesson, how Training) error {
	rng := rand.New(rand.NewPCG(how.Seed, 0x6c6561726e))
	steps := (len(lessons) + m.batch - 1) / m.batch
	adam := newAdam(how, m.learn)
	for epoch := range how.Epochs {
		order := rng.Perm(len(lessons))
		for s := range steps {
			if err := d.load(m, lessons, order, s*m.batch); err != nil {
				return err
			}
			if err := m.vm.RunAll(); err != nil {
				return fmt.Errorf("training step: %w", err)
			}
			if v, ok := m.loss.Data().(float32); !ok || math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("the loss became %v in epoch %d: lower the learning rate %v", m.loss, epoch, how.Rate)
			}
			if err := adam.step(0.5 * (1 + math.Cos(math.Pi*float64(epoch*steps+s)/float64(how.Epochs*steps)))); err != nil {
				return err
			}
			m.vm.Reset()
		}
	}
	for i, w := range d.shapes() {
		copy(*w.data, m.learn[i].Value().Data().([]float32))
	}
	return nil
}

// load hands the machine captions order[at:at+batch]; the last batch of an epoch is filled up from the epoch's
// start.
func (d *Decoder) load(m *teacher, lessons []lesson, order []int, at int) error {
	v, length := len(d.cfg.Words), d.cfg.Length
	context := make([]float32, m.batch*length*decoderContext*v)
	wanted := make([]float32, m.batch*length*v)
	x := make([]float32, 0, m.batch*m.tokens*d.cfg.Width)
	for k := range m.batch {
		l := lessons[order[(at+k)%len(order)]]
		x = append(x, l.tokens.Data...)
		for i, w := range l.words {
			row := k*length + i
			wanted[row*v+w] = 1
			for j, before := range contextOf(l.words, i) {
				context[(row*decoderContext+j)*v+before] = 1
			}
		}
	}
	return errors.Join(
		G.Let(m.context, matrix(m.batch*length, decoderContext*v, context)),
		G.Let(m.wanted, matrix(m.batch*length, v, wanted)),
		G.Let(m.x, tensor.New(tensor.WithShape(m.batch*m.tokens, d.cfg.Width), tensor.WithBacking(x))))
}
