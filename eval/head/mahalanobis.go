package head

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/encoder"
	"gonum.org/v1/gonum/mat"
)

const kindMahalanobis = "mahalanobis"

// Mahalanobis finds anomalies by the distance √((x−μ)ᵀΣ⁻¹(x−μ)) of an image's feature vector from the Gaussian
// of images without defects (Rippel, Mertens, Merhof, arXiv 2005.14140), with the covariance shrunk towards a
// multiple of the identity as O. Ledoit and M. Wolf advise (Journal of Multivariate Analysis 88, 2004). Label
// is 1 above the threshold of [Mahalanobis.Calibrate].
type Mahalanobis struct {
	name  string
	cfg   mahalanobisConfig
	mean  []float32
	white []float32 // W of width×width with WᵀW = Σ⁻¹
}

type mahalanobisConfig struct {
	Source    Source  `json:"source"`
	Threshold float64 `json:"threshold"`
	Shrinkage float64 `json:"shrinkage"` // weight of the identity, 0 to 1
}

// NewMahalanobis fits the Gaussian to at least two images without defects.
func NewMahalanobis(name string, src Source, good []Features) (*Mahalanobis, error) {
	if err := src.validate(name); err != nil {
		return nil, err
	}
	rows, err := src.rows(name, good)
	if err != nil {
		return nil, err
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("head %s: %d images are too few for a covariance", name, len(rows))
	}
	mean, cov, shrinkage := ledoitWolf(rows)
	white, err := whitening(cov)
	if err != nil {
		return nil, fmt.Errorf("head %s: %w", name, err)
	}
	return &Mahalanobis{name: name, cfg: mahalanobisConfig{Source: src, Shrinkage: shrinkage}, mean: mean, white: white}, nil
}

// ledoitWolf returns the mean, the shrunk covariance and the weight of the identity in it.
func ledoitWolf(rows [][]float32) ([]float32, *mat.SymDense, float64) {
	x := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, r := range rows {
		for j, v := range r {
			x.Set(i, j, float64(v))
		}
	}
	centred := centre(x)
	_, d := x.Dims()
	mean := make([]float32, d)
	for j, v := range centred {
		mean[j] = float32(v)
	}
	s := mat.NewSymDense(d, nil)
	s.SymOuterK(1/float64(len(rows)), x.T())
	shrinkage, mu := shrinkage(x, s)
	for i := range d {
		for j := i; j < d; j++ {
			v := (1 - shrinkage) * s.At(i, j)
			if i == j {
				v += shrinkage*mu + 1e-12
			}
			s.SetSym(i, j, v)
		}
	}
	return mean, s, shrinkage
}

// shrinkage is the weight of the identity that minimises the expected squared error, for centred rows x with
// covariance s, and the mean variance that the identity is multiplied with.
func shrinkage(x *mat.Dense, s *mat.SymDense) (weight, mu float64) {
	rows, d := x.Dims()
	n := float64(rows)
	var trace, square float64 // of S, and its squared Frobenius norm
	for i := range d {
		trace += s.At(i, i)
		for j := range d {
			square += s.At(i, j) * s.At(i, j)
		}
	}
	mu = trace / float64(d)
	spread := square - mu*trace // ‖S − μI‖²
	var noise float64           // Σ‖x xᵀ − S‖² / n²
	var sx mat.Dense
	sx.Mul(x, s)
	for i := range rows {
		var xx, xsx float64
		for j, v := range x.RawRowView(i) {
			xx += v * v
			xsx += v * sx.At(i, j)
		}
		noise += (xx*xx - 2*xsx + square) / (n * n)
	}
	if !(spread > 0) {
		return 1, mu
	}
	return min(1, noise/spread), mu
}

// whitening is the inverse of the covariance's lower Cholesky factor.
func whitening(cov *mat.SymDense) ([]float32, error) {
	var chol mat.Cholesky
	if !chol.Factorize(cov) {
		return nil, fmt.Errorf("the covariance is not positive definite: do all images have the same features?")
	}
	var lower, inverse mat.TriDense
	chol.LTo(&lower)
	if err := inverse.InverseTri(&lower); err != nil {
		return nil, fmt.Errorf("inverting the covariance: %w", err)
	}
	d, _ := inverse.Dims()
	out := make([]float32, d*d)
	for i := range d {
		for j := range i + 1 {
			out[i*d+j] = float32(inverse.At(i, j))
		}
	}
	return out, nil
}

// Calibrate returns the head with its threshold at the score that at most the share fpr of these images without
// defects exceed. They should not be the ones that the Gaussian was fitted to.
func (m *Mahalanobis) Calibrate(good []Features, fpr float64) (*Mahalanobis, error) {
	t, err := anomalyThreshold(m, good, fpr)
	if err != nil {
		return nil, err
	}
	c := *m
	c.cfg.Threshold = t
	return &c, nil
}

// Name, Task and Taps implement [Head].
func (m *Mahalanobis) Name() string        { return m.name }
func (m *Mahalanobis) Task() Task          { return Anomaly }
func (m *Mahalanobis) Taps() []encoder.Tap { return []encoder.Tap{m.cfg.Source.Tap} }

// Predict implements [Head].
func (m *Mahalanobis) Predict(in Input) (Output, error) {
	_, d, err := m.distance(in)
	if err != nil {
		return Output{}, err
	}
	return judged(d, m.cfg.Threshold), nil
}

// distance also returns the whitened difference.
func (m *Mahalanobis) distance(in Input) ([]float32, float64, error) {
	x, err := m.cfg.Source.vector(m.name, in, 0)
	if err != nil {
		return nil, 0, err
	}
	diff := make([]float32, len(x))
	for j, v := range x {
		diff[j] = v - m.mean[j]
	}
	z := make([]float32, len(x))
	for i := range z {
		z[i] = float32(dot(m.white[i*len(x):i*len(x)+i+1], diff))
	}
	return z, norm2(z), nil
}

// Scores implements [Differentiable]: the image's anomaly score.
func (m *Mahalanobis) Scores(in Input) (Activation, error) {
	_, d, err := m.distance(in)
	if err != nil {
		return Activation{}, err
	}
	return Vector([]float32{float32(d)}), nil
}

// Decisions implements [Attackable]: the score against zero.
func (m *Mahalanobis) Decisions(_ []Output, t Truth) ([]Decisions, error) {
	return ofAnomaly(m.name, t)
}

// VJP implements [Differentiable]: Wᵀz/‖z‖ with z = W(x−μ); 0 at the mean.
func (m *Mahalanobis) VJP(in Input, dScores []float32) ([]Activation, error) {
	if err := checkCotangent(m.name, dScores, 1); err != nil {
		return nil, err
	}
	z, dist, err := m.distance(in)
	if err != nil {
		return nil, err
	}
	sum := make([]float64, len(z))
	if dist > 0 {
		for i, v := range z {
			k := float64(dScores[0]) * float64(v) / dist
			for j, w := range m.white[i*len(z) : i*len(z)+i+1] {
				sum[j] += k * float64(w)
			}
		}
	}
	d := make([]float32, len(z))
	for j, v := range sum {
		d[j] = float32(v)
	}
	return []Activation{m.cfg.Source.back(in, 0, d)}, nil
}

func (m *Mahalanobis) state() (*state, error) {
	return newState(kindMahalanobis, m.name, m.cfg, func(s *state) {
		s.add("mean", m.mean, len(m.mean))
		s.add("white", m.white, len(m.mean), len(m.mean))
	})
}

func loadMahalanobis(s *state) (Head, error) {
	m := &Mahalanobis{name: s.Name}
	if err := s.config(&m.cfg); err != nil {
		return nil, err
	}
	if err := m.cfg.Source.validate(s.Name); err != nil {
		return nil, err
	}
	mean, err := s.array("mean", m.cfg.Source.Width)
	if err != nil {
		return nil, err
	}
	white, err := s.array("white", m.cfg.Source.Width, m.cfg.Source.Width)
	if err != nil {
		return nil, err
	}
	m.mean, m.white = mean.data, white.data
	return m, nil
}
