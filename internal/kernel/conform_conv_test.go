package kernel

import (
	"fmt"
	"testing"
)

// shapeOf is a convolution of size [C, H, W, Oc, K, stride, padding, groups].
func shapeOf(s []int) *ConvShape {
	c := &ConvShape{C: s[0], H: s[1], W: s[2], Oc: s[3], Kh: s[4], Kw: s[4], Sh: s[5], Sw: s[5], Dh: 1, Dw: 1, Pt: s[6], Pl: s[6], Pb: s[6], Pr: s[6], Groups: s[7]}
	c.Oh = OutputSize(c.H, c.Kh, c.Sh, 1, c.Pt, c.Pb, false)
	c.Ow = OutputSize(c.W, c.Kw, c.Sw, 1, c.Pl, c.Pr, false)
	return c
}

// convSizes are convolutions of every width to 70, in three kinds: of all channels, channel by channel, and patches.
func convSizes() (s [][]int) {
	for n := 1; n <= 70; n++ {
		s = append(s, []int{3, 1 + n%9, n, 4, 1 + 2*(n%2), 1 + n%2, n % 2, 1}, []int{3, 1 + n%12, n, 3, 3 + 4*(n%2), 1, 1 + 2*(n%2), 3})
	}
	return append(s, []int{3, 32, 32, 16, 8, 8, 0, 1})
}

var convSpecial = [][]int{{3, 5, 7, 4, 3, 1, 1, 1}, {3, 9, 18, 3, 3, 1, 1, 3}, {4, 11, 35, 4, 7, 1, 3, 4}, {3, 16, 16, 5, 8, 8, 0, 1}}

// convFamilies are convolution and its cotangents at the input and the weights.
func convFamilies() []family {
	lens := func(s []int) (x, w, y int) {
		c := shapeOf(s)
		return c.C * c.H * c.W, c.Oc * c.depth(), c.Oc * c.plane()
	}
	base := family{sizes: convSizes(), special: convSpecial, abs: 1e-4, rel: 1e-5, blur: true}
	forward, input, weight := base, base, base
	forward.name, input.name, weight.name = "Conv2D", "Conv2DGradInput", "Conv2DGradWeight"
	forward.operands = func(s []int) []int { x, w, _ := lens(s); return []int{x, w, s[3]} }
	forward.results = func(s []int) []int { _, _, y := lens(s); return []int{y} }
	forward.fast = func(s []int, in, out [][]float32) {
		c := shapeOf(s)
		Conv2D(out[0], in[0], in[1], in[2], c, make([]float32, Conv2DScratch(c)))
	}
	forward.truth = func(s []int, in, out [][]float64) {
		c := shapeOf(s)
		clear(out[0])
		eachTap(c, func(y, x, w int) { out[0][y] += pixelAt(in[0], x) * in[1][w] })
		for i := range out[0] {
			out[0][i] += in[2][i/c.plane()]
		}
	}
	input.operands = func(s []int) []int { _, w, y := lens(s); return []int{y, w} }
	input.results = func(s []int) []int { x, _, _ := lens(s); return []int{x} }
	// Channel by channel, rows are filled up with zeros that such a number spoils: more of a channel is NaN than has to be.
	spoils := func(s []int, op int, v float32) bool { return op == 1 && s[7] > 1 && (v != v || v > 1 || v < -1) }
	input.skip, weight.skip = spoils, spoils
	input.linear = [][2]int{{0, 0}, {1, 0}}
	input.fast = func(s []int, in, out [][]float32) {
		c := shapeOf(s)
		clear(out[0])
		Conv2DGradInput(out[0], in[0], in[1], c, make([]float32, Conv2DScratch(c)))
	}
	input.truth = func(s []int, in, out [][]float64) {
		clear(out[0])
		eachTap(shapeOf(s), func(y, x, w int) {
			if x >= 0 {
				out[0][x] += in[0][y] * in[1][w]
			}
		})
	}
	weight.operands = func(s []int) []int { x, _, y := lens(s); return []int{y, x} }
	weight.results = func(s []int) []int { _, w, _ := lens(s); return []int{w} }
	weight.linear = [][2]int{{0, 0}, {1, 0}}
	weight.fast = func(s []int, in, out [][]float32) {
		c := shapeOf(s)
		clear(out[0])
		Conv2DGradWeight(out[0], in[0], in[1], c, make([]float32, Conv2DScratch(c)))
	}
	weight.truth = func(s []int, in, out [][]float64) {
		clear(out[0])
		eachTap(shapeOf(s), func(y, x, w int) { out[0][w] += in[0][y] * pixelAt(in[1], x) })
	}
	return []family{forward, input, weight}
}

// pixelAt is a pixel, or 0 in the padding: NaN and infinities in weights spread from there.
func pixelAt(x []float64, at int) float64 {
	if at < 0 {
		return 0
	}
	return x[at]
}

// eachTap calls f for every product of a convolution with the positions of its three operands, -1 in the padding.
func eachTap(c *ConvShape, f func(y, x, w int)) {
	cg, og := c.C/c.Groups, c.Oc/c.Groups
	index, shape := make([]int, 6), []int{c.Oc, c.Oh, c.Ow, cg, c.Kh, c.Kw}
	for i, more := 0, c.Oc*c.plane()*c.depth() > 0; more; i, more = i+1, next(index, shape) {
		h, w := index[1]*c.Sh+index[4]-c.Pt, index[2]*c.Sw+index[5]-c.Pl
		x := -1
		if h >= 0 && h < c.H && w >= 0 && w < c.W {
			x = ((index[0]/og*cg+index[3])*c.H+h)*c.W + w
		}
		f(i/c.depth(), x, index[0]*c.depth()+i%c.depth())
	}
}

// poolFamilies are pooling by the largest and by the mean, and the transpose.
func poolFamilies() (list []family) {
	for step := 1; step <= 2; step++ {
		of := func(s []int) *ConvShape { return shapeOf([]int{2, 6, s[0] + 3, 2, 3, step, 1, 2}) }
		f := family{
			name: fmt.Sprintf("MaxPool step %d", step), sizes: oneSize()[1:71], special: [][]int{{1}, {16}, {37}},
			operands: func(s []int) []int { return []int{2 * 6 * (s[0] + 3)} },
			results:  func(s []int) []int { return []int{2 * of(s).plane()} },
			fast: func(s []int, in, out [][]float32) {
				MaxPool(out[0], make([]int32, len(out[0])), in[0], of(s))
			},
			truth:  func(s []int, in, out [][]float64) { maxPoolReference(out[0], nil, in[0], of(s)) },
			linear: [][2]int{{0, 0}},
		}
		g := f
		g.name, g.abs, g.rel = fmt.Sprintf("AveragePool step %d", step), 1e-6, 1e-6
		g.fast = func(s []int, in, out [][]float32) { AveragePool(out[0], in[0], of(s), false) }
		g.truth = func(s []int, in, out [][]float64) { averagePoolReference(out[0], in[0], of(s), false) }
		list = append(list, f, g)
	}
	return append(list, family{
		name: "ApplyTranspose", sizes: rowSizes(), special: fewRows, operands: same(1), results: same(1), linear: [][2]int{{0, 0}},
		fast: func(s []int, in, out [][]float32) { ApplyTranspose(NewTranspose(s, []int{1, 0}), out[0], in[0]) },
		truth: func(s []int, in, out [][]float64) {
			for i, v := range in[0] {
				out[0][i%s[1]*s[0]+i/s[1]] = v
			}
		},
	})
}

func TestConformConvolutions(t *testing.T) {
	conform(t, convFamilies())
	conform(t, poolFamilies())
}
