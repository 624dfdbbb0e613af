package attacktest

import "math"

// mat is a row-major float64 matrix.
type mat struct {
	r, c int
	v    []float64
}

func newMat(r, c int) mat { return mat{r, c, make([]float64, r*c)} }

// mul returns a·b, mulT a·bᵀ and tMul aᵀ·b.
func mul(a, b mat) mat {
	o := newMat(a.r, b.c)
	for i := range a.r {
		for k := range a.c {
			for j := range b.c {
				o.v[i*b.c+j] += a.v[i*a.c+k] * b.v[k*b.c+j]
			}
		}
	}
	return o
}

func mulT(a, b mat) mat {
	o := newMat(a.r, b.r)
	for i := range a.r {
		for j := range b.r {
			for k := range a.c {
				o.v[i*b.r+j] += a.v[i*a.c+k] * b.v[j*b.c+k]
			}
		}
	}
	return o
}

func tMul(a, b mat) mat {
	o := newMat(a.c, b.c)
	for k := range a.r {
		for i := range a.c {
			for j := range b.c {
				o.v[i*b.c+j] += a.v[k*a.c+i] * b.v[k*b.c+j]
			}
		}
	}
	return o
}

func add(a, b mat) mat {
	o := newMat(a.r, a.c)
	for i := range o.v {
		o.v[i] = a.v[i] + b.v[i]
	}
	return o
}

// softmaxRows returns the softmax of every row of scale·a.
func softmaxRows(a mat, scale float64) mat {
	o := newMat(a.r, a.c)
	for i := range a.r {
		row, sum := o.v[i*a.c:][:a.c], 0.0
		for j := range row {
			row[j] = math.Exp(scale * a.v[i*a.c+j])
			sum += row[j]
		}
		for j := range row {
			row[j] /= sum
		}
	}
	return o
}

// softmaxBack returns the cotangent of softmaxRows' input given its result p and cotangent g.
func softmaxBack(p, g mat, scale float64) mat {
	o := newMat(p.r, p.c)
	for i := range p.r {
		dot := 0.0
		for j := range p.c {
			dot += p.v[i*p.c+j] * g.v[i*p.c+j]
		}
		for j := range p.c {
			o.v[i*p.c+j] = scale * p.v[i*p.c+j] * (g.v[i*p.c+j] - dot)
		}
	}
	return o
}
