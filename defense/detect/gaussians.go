package detect

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// gaussians are class means with one covariance, factorised.
type gaussians struct {
	centres  [][]float64
	chol     mat.Cholesky
	mean, sd float64 // of the distance on clean data
}

// fitGaussians estimates the means and the shrunk covariance of the residuals.
func fitGaussians(x [][]float64, labels []int) (*gaussians, error) {
	d := len(x[0])
	sums, counts := map[int][]float64{}, map[int]float64{}
	for i, f := range x {
		if sums[labels[i]] == nil {
			sums[labels[i]] = make([]float64, d)
		}
		addScaled(sums[labels[i]], 1, f)
		counts[labels[i]]++
	}
	g := new(gaussians)
	residuals := mat.NewDense(len(x), d, nil)
	for i, f := range x {
		for k, v := range f {
			residuals.Set(i, k, v-sums[labels[i]][k]/counts[labels[i]])
		}
	}
	for _, l := range sortedKeys(sums) {
		c := make([]float64, d)
		addScaled(c, 1/counts[l], sums[l])
		g.centres = append(g.centres, c)
	}
	cov, err := ledoitWolf(residuals)
	if err != nil {
		return nil, err
	}
	if !g.chol.Factorize(cov) {
		return nil, errors.New("the covariance of the clean tokens is not positive definite")
	}
	return g, nil
}

func sortedKeys(m map[int][]float64) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// ledoitWolf shrinks the sample covariance S of centred rows towards μI, μ = tr S/d, by the intensity that minimises the
// expected squared error (Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", 2004).
func ledoitWolf(x *mat.Dense) (*mat.SymDense, error) {
	n, d := x.Dims()
	var s mat.SymDense
	s.SymOuterK(1/float64(n), x.T())
	mu, square := 0.0, 0.0
	for i := range d {
		mu += s.At(i, i) / float64(d)
		for j := range d {
			square += s.At(i, j) * s.At(i, j)
		}
	}
	if !(mu > 0) || math.IsInf(mu, 0) {
		return nil, fmt.Errorf("the clean tokens have a variance of %g", mu)
	}
	dispersion := square/float64(d) - mu*mu // ‖S − μI‖²/d
	noise := 0.0
	for i := range n {
		row := mat.NewVecDense(d, x.RawRowView(i))
		norm := mat.Dot(row, row)
		noise += norm*norm - 2*mat.Inner(row, &s, row) + square
	}
	noise /= float64(n) * float64(n) * float64(d)
	shrink := 1.0
	if dispersion > 0 {
		shrink = min(1, noise/dispersion)
	}
	shrink = max(shrink, 1e-6) // keeps the matrix definite when there are more dimensions than pictures
	out := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			v := (1 - shrink) * s.At(i, j)
			if i == j {
				v += shrink * mu
			}
			out.SetSym(i, j, v)
		}
	}
	return out, nil
}

// distance returns the smallest squared Mahalanobis distance of f from a class mean, and its gradient.
func (g *gaussians) distance(f []float64) (float64, []float64) {
	best := math.Inf(1)
	var grad []float64
	for _, c := range g.centres {
		diff := mat.NewVecDense(len(f), nil)
		for i, v := range f {
			diff.SetVec(i, v-c[i])
		}
		var solved mat.VecDense
		if err := g.chol.SolveVecTo(&solved, diff); err != nil {
			var cond mat.Condition
			if !errors.As(err, &cond) { // a bad condition number still solves
				return math.NaN(), make([]float64, len(f))
			}
		}
		if d := mat.Dot(diff, &solved); d < best || math.IsNaN(d) {
			best = d
			grad = make([]float64, len(f))
			addScaled(grad, 2, solved.RawVector().Data)
		}
	}
	return best, grad
}
