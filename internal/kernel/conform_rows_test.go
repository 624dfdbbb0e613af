package kernel

import (
	"fmt"
	"testing"
)

// onRows makes a family of a function of whole rows.
func onRows(name string, operands, results int, abs, rel float64, fast func(s []int, in, out [][]float32), truth func(s []int, in, out [][]float64)) family {
	return family{name: name, sizes: rowSizes(), special: fewRows, operands: same(operands), results: same(results), abs: abs, rel: rel, fast: fast, truth: truth}
}

// softmaxFamilies are softmax and its logarithm, forward and backward.
func softmaxFamilies() []family {
	soft := onRows("Softmax", 1, 1, 2e-7, 1e-6, func(s []int, in, out [][]float32) { Softmax(out[0], in[0], s[0], s[1]) },
		func(s []int, in, out [][]float64) { softmaxReference(out[0], in[0], s[0], s[1]) })
	softGrad := onRows("SoftmaxGrad", 2, 1, 1e-6, 1e-5, func(s []int, in, out [][]float32) {
		SoftmaxGrad(out[0], in[0], probabilities(in[1], s), s[0], s[1])
	}, func(s []int, in, out [][]float64) {
		softmaxGradReference(out[0], in[0], probabilities(in[1], s), s[0], s[1])
	})
	softGrad.linear = [][2]int{{0, 0}}
	log := onRows("LogSoftmax", 1, 1, 2e-6, 1e-6, func(s []int, in, out [][]float32) { LogSoftmax(out[0], in[0], s[0], s[1]) },
		func(s []int, in, out [][]float64) { logSoftmaxReference(out[0], in[0], s[0], s[1]) })
	logGrad := onRows("LogSoftmaxGrad", 2, 1, 1e-4, 1e-5, func(s []int, in, out [][]float32) {
		LogSoftmaxGrad(out[0], in[0], in[1], s[0], s[1])
	}, func(s []int, in, out [][]float64) { logSoftmaxGradReference(out[0], in[0], in[1], s[0], s[1]) })
	logGrad.linear = [][2]int{{0, 0}}
	return []family{soft, softGrad, log, logGrad}
}

// probabilities scales numbers down as a row of that length has them.
func probabilities[T Float](x []T, s []int) []T {
	p := make([]T, len(x))
	for i, v := range x {
		p[i] = v / T(s[1])
	}
	return p
}

// normRows are the lengths of LayerNorm's operands: x, gamma and beta, and of its backward pass, dy and add.
func normRows(s []int) []int {
	n := s[0] * s[1]
	return []int{n, s[1], s[1], n, n}
}

// normSizes leave out rows of one and two numbers, which have too little variance for a tolerance.
func normSizes() [][]int { return rowSizes()[4:] }

var normSpecial = [][]int{{2, 7}, {3, 16}, {2, 33}, {2, 70}, {1, 197}}

const normEps = 1e-5

// layerNormFamilies have scale and shift or not; the backward pass adds the residual branch or not.
func layerNormFamilies() (list []family) {
	for mode := range 4 {
		gamma, extra := mode&1 != 0, mode&2 != 0
		f := family{
			name: fmt.Sprintf("LayerNorm gamma=%t beta=%t", gamma, extra), sizes: normSizes(), special: normSpecial, abs: 5e-6, rel: 1e-5, blur: true,
			operands: normRows, results: func(s []int) []int { return []int{s[0] * s[1], s[0], s[0]} },
			fast: func(s []int, in, out [][]float32) {
				LayerNorm(out[0], in[0], maskIf(gamma, in[1]), maskIf(extra, in[2]), out[1], out[2], s[0], s[1], normEps)
			},
			truth: func(s []int, in, out [][]float64) {
				layerNormReference(out[0], in[0], maskIf(gamma, in[1]), maskIf(extra, in[2]), out[1], out[2], s[0], s[1], float64(float32(normEps)))
			},
		}
		if gamma && !extra {
			f.linear = [][2]int{{1, 0}}
		}
		g := f
		g.name = fmt.Sprintf("LayerNormGrad gamma=%t add=%t", gamma, extra)
		g.results = same(1)
		g.abs, g.rel = 2e-5, 2e-5
		g.fast = func(s []int, in, out [][]float32) {
			mean, rstd := make([]float32, s[0]), make([]float32, s[0])
			LayerNorm(out[0], in[0], nil, nil, mean, rstd, s[0], s[1], normEps)
			LayerNormGrad(out[0], in[3], in[0], maskIf(gamma, in[1]), mean, rstd, maskIf(extra, in[4]), s[0], s[1])
		}
		g.truth = func(s []int, in, out [][]float64) {
			mean, rstd := make([]float64, s[0]), make([]float64, s[0])
			layerNormReference(out[0], in[0], nil, nil, mean, rstd, s[0], s[1], float64(float32(normEps)))
			layerNormGradReference(out[0], in[3], in[0], maskIf(gamma, in[1]), mean, rstd, maskIf(extra, in[4]), s[0], s[1])
		}
		g.linear = nil
		if !extra {
			g.linear = [][2]int{{3, 0}}
		}
		list = append(list, f, g)
	}
	return list
}

// otherNormFamilies are the gradients of weights, RMSNorm and GroupNorm.
func otherNormFamilies() []family {
	weights := func(s []int) []int { return []int{s[1], s[1]} }
	base := family{sizes: normSizes(), special: normSpecial, operands: normRows, results: same(1), abs: 2e-5, rel: 2e-5, blur: true}
	with := func(name string, fast func(s []int, in, out [][]float32), truth func(s []int, in, out [][]float64)) family {
		f := base
		f.name, f.fast, f.truth = name, fast, truth
		return f
	}
	weightGrad := with("LayerNormWeightGrad", func(s []int, in, out [][]float32) {
		copy(out[0], in[1])
		copy(out[1], in[2])
		mean, rstd := make([]float32, s[0]), make([]float32, s[0])
		LayerNorm(make([]float32, s[0]*s[1]), in[0], nil, nil, mean, rstd, s[0], s[1], normEps)
		LayerNormWeightGrad(out[0], out[1], in[3], in[0], mean, rstd, s[0], s[1])
	}, func(s []int, in, out [][]float64) {
		copy(out[0], in[1])
		copy(out[1], in[2])
		mean, rstd := make([]float64, s[0]), make([]float64, s[0])
		layerNormReference(make([]float64, s[0]*s[1]), in[0], nil, nil, mean, rstd, s[0], s[1], float64(float32(normEps)))
		layerNormWeightGradReference(out[0], out[1], in[3], in[0], mean, rstd, s[0], s[1])
	})
	weightGrad.results = weights
	rms := with("RMSNorm", func(s []int, in, out [][]float32) { RMSNorm(out[0], in[0], in[1], nil, s[0], s[1], normEps) },
		func(s []int, in, out [][]float64) {
			rmsNormReference(out[0], in[0], in[1], nil, s[0], s[1], float64(float32(normEps)))
		})
	rms.linear = [][2]int{{1, 0}}
	rmsGrad := with("RMSNormGrad", func(s []int, in, out [][]float32) {
		rstd := make([]float32, s[0])
		RMSNorm(out[0], in[0], nil, rstd, s[0], s[1], normEps)
		RMSNormGrad(out[0], in[3], in[0], in[1], rstd, nil, s[0], s[1])
	}, func(s []int, in, out [][]float64) {
		rstd := make([]float64, s[0])
		rmsNormReference(out[0], in[0], nil, rstd, s[0], s[1], float64(float32(normEps)))
		rmsNormGradReference(out[0], in[3], in[0], in[1], rstd, nil, s[0], s[1])
	})
	rmsGrad.linear = [][2]int{{3, 0}}
	return []family{weightGrad, rms, rmsGrad, groupNormFamily(base), groupNormGradFamily(base)}
}

// groupNormFamily has groups of one channel, the rows.
func groupNormFamily(f family) family {
	f.name = "GroupNorm"
	f.operands = func(s []int) []int { n := s[0] * s[1]; return []int{n, s[0], s[0], n, n} }
	f.fast = func(s []int, in, out [][]float32) {
		GroupNorm(out[0], in[0], in[1], in[2], nil, nil, s[0], s[0], s[1], normEps)
	}
	f.truth = func(s []int, in, out [][]float64) {
		groupNormReference(out[0], in[0], in[1], in[2], nil, nil, s[0], s[0], s[1], float64(float32(normEps)))
	}
	return f
}

// groupNormGradFamily has one group of all channels.
func groupNormGradFamily(f family) family {
	f = groupNormFamily(f)
	f.name = "GroupNormGrad"
	f.fast = func(s []int, in, out [][]float32) {
		mean, rstd := make([]float32, 1), make([]float32, 1)
		GroupNorm(out[0], in[0], nil, nil, mean, rstd, 1, s[0], s[1], normEps)
		GroupNormGrad(out[0], in[3], in[0], in[1], mean, rstd, in[4], 1, s[0], s[1])
	}
	f.truth = func(s []int, in, out [][]float64) {
		mean, rstd := make([]float64, 1), make([]float64, 1)
		groupNormReference(out[0], in[0], nil, nil, mean, rstd, 1, s[0], s[1], float64(float32(normEps)))
		groupNormGradReference(out[0], in[3], in[0], in[1], mean, rstd, in[4], 1, s[0], s[1])
	}
	return f
}

func TestConformRows(t *testing.T) {
	conform(t, softmaxFamilies())
	conform(t, layerNormFamilies())
	conform(t, otherNormFamilies())
}
