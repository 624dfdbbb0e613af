package head

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/encoder"
)

const kindDecoder = "decoder"

// Decoder captions an image word by word. The last four words give a state; the state attends over the image's
// tokens (one head of scaled dot products, Vaswani et al., arXiv 1706.03762, §3.2.1); state and attended values
// together give the next word's logits. Decoding is greedy: the likeliest word each time.
//
// With u the one-hot words of the context side by side, x_t the standardised tokens and g(v) = v·σ(1.702v):
//
//	s = g(u·Wu + bu)   p = softmax_t(⟨s·Wq, x_t·Wk⟩/√d)   c = Σ_t p_t·(x_t·Wv)   z = g((s+c)·Wz + bz)   logits = z·Wo + bo
type Decoder struct {
	name string
	cfg  decoderConfig
	in   *net // standardises tokens
	p    decoderWeights
}

type decoderConfig struct {
	Tap    encoder.Tap `json:"tap"`
	Width  int         `json:"width"`  // of a token
	Hidden int         `json:"hidden"` // h
	Keys   int         `json:"keys"`   // d
	Words  []string    `json:"words"`  // vocabulary; the first two are the start and the end of a caption
	Length int         `json:"length"` // most words of a caption, end included
}

// decoderWeights are row-major matrices (rows×cols) and biases (1×cols).
type decoderWeights struct{ wu, bu, wq, wk, wv, wz, bz, wo, bo []float32 }

const (
	decoderContext = 4
	startWord      = 0
	endWord        = 1
	maxVocabulary  = 4096
)

// shapes lists the weights in order: name, array, rows, columns.
func (d *Decoder) shapes() []weightShape {
	c, v := d.cfg, len(d.cfg.Words)
	return []weightShape{
		{"wu", &d.p.wu, decoderContext * v, c.Hidden}, {"bu", &d.p.bu, 1, c.Hidden},
		{"wq", &d.p.wq, c.Hidden, c.Keys}, {"wk", &d.p.wk, c.Width, c.Keys}, {"wv", &d.p.wv, c.Width, c.Hidden},
		{"wz", &d.p.wz, c.Hidden, c.Hidden}, {"bz", &d.p.bz, 1, c.Hidden},
		{"wo", &d.p.wo, c.Hidden, v}, {"bo", &d.p.bo, 1, v},
	}
}

type weightShape struct {
	name       string
	data       *[]float32
	rows, cols int
}

func (d *Decoder) validate() error {
	c := d.cfg
	if c.Width < 1 || c.Width > 1<<16 || c.Hidden < 1 || c.Hidden > 1<<12 || c.Keys < 1 || c.Keys > 1<<12 ||
		len(c.Words) < 3 || len(c.Words) > maxVocabulary || c.Length < 1 || c.Length > 256 {
		return fmt.Errorf("head %s: decoder of width %d, hidden %d, keys %d, %d words, length %d", d.name, c.Width, c.Hidden, c.Keys, len(c.Words), c.Length)
	}
	return nil
}

// Name, Task and Taps implement [Head].
func (d *Decoder) Name() string        { return d.name }
func (d *Decoder) Task() Task          { return Captioning }
func (d *Decoder) Taps() []encoder.Tap { return []encoder.Tap{d.cfg.Tap} }

// Predict implements [Head].
func (d *Decoder) Predict(in Input) (Output, error) {
	_, words, _, err := d.decode(in)
	if err != nil {
		return Output{}, err
	}
	return Output{Label: -1, Text: joinWords(d.cfg.Words, words)}, nil
}

// Scores implements [Differentiable]: the logits of every word of the greedy caption, words×vocabulary.
func (d *Decoder) Scores(in Input) (Activation, error) {
	_, words, steps, err := d.decode(in)
	if err != nil {
		return Activation{}, err
	}
	out := Activation{Shape: []int{len(words), len(d.cfg.Words)}}
	for _, s := range steps {
		out.Data = append(out.Data, s.logits...)
	}
	return out, nil
}

// VJP implements [Differentiable], the words of the greedy caption held fixed.
func (d *Decoder) VJP(in Input, dScores []float32) ([]Activation, error) {
	m, words, steps, err := d.decode(in)
	if err != nil {
		return nil, err
	}
	v := len(d.cfg.Words)
	if err := checkCotangent(d.name, dScores, len(words)*v); err != nil {
		return nil, err
	}
	dk, dv := m.keys.Zeros(), m.values.Zeros()
	for i, s := range steps {
		d.stepBack(m, s, dScores[i*v:(i+1)*v], dk, dv)
	}
	return []Activation{d.tokensBack(in, dk, dv)}, nil
}

// tokensBack takes the gradients of keys and values to the tokens.
func (d *Decoder) tokensBack(in Input, dk, dv Activation) Activation {
	out := in.Acts[0].Zeros()
	for t := range out.Shape[0] {
		row := out.Row(t)
		for j := range row {
			g := dot(d.p.wk[j*d.cfg.Keys:(j+1)*d.cfg.Keys], dk.Row(t)) + dot(d.p.wv[j*d.cfg.Hidden:(j+1)*d.cfg.Hidden], dv.Row(t))
			row[j] = float32(g) * d.in.invStd[j]
		}
	}
	return out
}

// memory is what one image gives to attend to.
type memory struct{ keys, values Activation }

// step is one word's computation, kept for the VJP.
type step struct {
	query, attention, z, logits []float32 // z before its activation function
}

// decode returns the indices of the words of the greedy caption, the end word included if it was reached.
func (d *Decoder) decode(in Input) (*memory, []int, []step, error) {
	a, err := in.matrix(d.name, 0, -1, d.cfg.Width)
	if err != nil {
		return nil, nil, nil, err
	}
	if a.Shape[0] == 0 {
		return nil, nil, nil, fmt.Errorf("head %s: no tokens", d.name)
	}
	m := &memory{Matrix(a.Shape[0], d.cfg.Keys, nil), Matrix(a.Shape[0], d.cfg.Hidden, nil)}
	for t := range a.Shape[0] {
		x := d.in.scaled(a.Row(t))
		m.keys.Data = append(m.keys.Data, dense{d.p.wk, make([]float32, d.cfg.Keys)}.apply(x, d.cfg.Keys)...)
		m.values.Data = append(m.values.Data, dense{d.p.wv, make([]float32, d.cfg.Hidden)}.apply(x, d.cfg.Hidden)...)
	}
	var words []int
	var steps []step
	for len(words) < d.cfg.Length {
		s := d.step(m, contextOf(words, len(words)))
		w := argmax(s.logits)
		if w < 0 {
			return nil, nil, nil, fmt.Errorf("head %s: every logit of word %d is NaN", d.name, len(words))
		}
		words, steps = append(words, w), append(steps, s)
		if w == endWord {
			break
		}
	}
	return m, words, steps, nil
}

// contextOf are the words before position at, the latest first.
func contextOf(words []int, at int) [decoderContext]int {
	var c [decoderContext]int
	for k := range c {
		c[k] = startWord
		if i := at - 1 - k; i >= 0 {
			c[k] = words[i]
		}
	}
	return c
}

func (d *Decoder) step(m *memory, context [decoderContext]int) step {
	c, v := d.cfg, len(d.cfg.Words)
	pre := clone(d.p.bu)
	for k, w := range context {
		for j, x := range d.p.wu[(k*v+w)*c.Hidden : (k*v+w+1)*c.Hidden] {
			pre[j] += x
		}
	}
	state := activate(pre)
	s := step{query: dense{d.p.wq, make([]float32, c.Keys)}.apply(state, c.Keys)}
	scores := make([]float32, m.keys.Shape[0])
	for t := range scores {
		scores[t] = float32(dot(s.query, m.keys.Row(t)) / math.Sqrt(float64(c.Keys)))
	}
	sum := make([]float64, c.Hidden)
	for t, p := range softmax(scores) {
		s.attention = append(s.attention, float32(p))
		for j, x := range m.values.Row(t) {
			sum[j] += p * float64(x)
		}
	}
	for j := range state {
		state[j] += float32(sum[j])
	}
	s.z = dense{d.p.wz, d.p.bz}.apply(state, c.Hidden)
	s.logits = dense{d.p.wo, d.p.bo}.apply(activate(s.z), v)
	return s
}

// stepBack adds one word's gradient to those of keys and values.
func (d *Decoder) stepBack(m *memory, s step, dLogits []float32, dk, dv Activation) {
	c, v := d.cfg, len(d.cfg.Words)
	dz := make([]float32, c.Hidden)
	for i := range dz {
		dz[i] = float32(dot(d.p.wo[i*v:(i+1)*v], dLogits) * slope(float64(s.z[i])))
	}
	dc := make([]float32, c.Hidden)
	for i := range dc {
		dc[i] = float32(dot(d.p.wz[i*c.Hidden:(i+1)*c.Hidden], dz))
	}
	dp := make([]float64, len(s.attention))
	var mean float64
	for t, p := range s.attention {
		dp[t] = dot(dc, m.values.Row(t))
		mean += float64(p) * dp[t]
		for j, x := range dc {
			dv.Row(t)[j] += p * x
		}
	}
	for t, p := range s.attention {
		g := float32(float64(p) * (dp[t] - mean) / math.Sqrt(float64(c.Keys)))
		for j, q := range s.query {
			dk.Row(t)[j] += g * q
		}
	}
}

func (d *Decoder) state() (*state, error) {
	return newState(kindDecoder, d.name, d.cfg, func(s *state) {
		d.in.save(s, "")
		for _, w := range d.shapes() {
			s.add(w.name, *w.data, w.rows, w.cols)
		}
	})
}

func loadDecoder(s *state) (Head, error) {
	d := &Decoder{name: s.Name}
	if err := s.config(&d.cfg); err != nil {
		return nil, err
	}
	if err := d.validate(); err != nil {
		return nil, err
	}
	var err error
	if d.in, err = loadScaler(s, d.cfg.Width); err != nil {
		return nil, err
	}
	for _, w := range d.shapes() {
		a, err := s.array(w.name, w.rows, w.cols)
		if err != nil {
			return nil, err
		}
		*w.data = a.data
	}
	return d, nil
}
