package graph

import (
	"math"
	"slices"
)

// importResize turns resampling into matrix products: every mode is linear and separable, so each
// resized axis is one constant matrix.
func importResize(c *call) []*Value {
	g, x := c.g(), c.in(0)
	list := c.ints("axes")
	if list == nil {
		for i := range x.Shape {
			list = append(list, i)
		}
	}
	scales, sizes := c.resizeTo(len(list))
	r := resampler{
		mode:  c.str("mode", "nearest"),
		coord: c.str("coordinate_transformation_mode", "half_pixel"),
		near:  c.str("nearest_mode", "round_prefer_floor"),
		a:     float64(c.float("cubic_coeff_a", -0.75)),
		excl:  c.int("exclude_outside", 0) == 1,
		anti:  c.int("antialias", 0) == 1,
	}
	if c.opset() < 11 || c.n.OpType == "Upsample" {
		r.coord, r.near = "asymmetric", "simple"
	}
	if sizes != nil {
		scales, sizes = keepAspect(c.str("keep_aspect_ratio_policy", "stretch"), x.Shape, list, sizes)
	}
	for i, a := range list {
		a = axis(a, len(x.Shape))
		n := x.Shape[a]
		out, scale := 0, 0.0
		if sizes != nil {
			out = sizes[i]
			scale = float64(out) / float64(n)
			if scales != nil {
				scale = scales[i]
			}
		} else {
			scale = scales[i]
			out = int(math.Floor(float64(n) * scale))
		}
		if out <= 0 || out > 1<<16 {
			fail("axis %d of %v cannot become %d long", a, x.Shape, out)
		}
		if out == n && scale == 1 {
			continue
		}
		x = g.alongAxis(x, a, r.matrix(g, n, out, scale))
	}
	return one(x)
}

// keepAspect turns sizes into the largest common scale within them, or the smallest beyond them.
func keepAspect(policy string, shape, list, sizes []int) ([]float64, []int) {
	if policy == "stretch" {
		return nil, sizes
	}
	if policy != "not_larger" && policy != "not_smaller" {
		fail("keep_aspect_ratio_policy %q is not known", policy)
	}
	scale := 0.0
	for i, a := range list {
		s := float64(sizes[i]) / float64(shape[axis(a, len(shape))])
		if i == 0 || policy == "not_larger" && s < scale || policy == "not_smaller" && s > scale {
			scale = s
		}
	}
	scales, out := make([]float64, len(list)), make([]int, len(list))
	for i, a := range list {
		scales[i] = scale
		out[i] = int(math.Round(scale * float64(shape[axis(a, len(shape))])))
	}
	return scales, out
}

// resizeTo reads scales or sizes.
func (c *call) resizeTo(rank int) (scales []float64, sizes []int) {
	if a := c.n.Attrs["scales"]; a != nil && c.n.OpType == "Upsample" {
		for _, s := range a.Floats {
			scales = append(scales, float64(s))
		}
		if len(scales) != rank {
			fail("%d scales for %d axes", len(scales), rank)
		}
		return scales, nil
	}
	si, zi := 2, 3
	if c.opset() < 11 || c.n.OpType == "Upsample" {
		si, zi = 1, -1
	}
	if zi > 0 && c.has(zi) && c.constant(zi).Len() > 0 {
		sizes = c.constInts(zi)
	} else {
		t := c.constant(si)
		for i := range t.Len() {
			scales = append(scales, element(t, i))
		}
	}
	if len(scales)+len(sizes) != rank {
		fail("%d scales and %d sizes for %d axes", len(scales), len(sizes), rank)
	}
	return scales, sizes
}

// alongAxis multiplies axis a by a constant matrix given as in×out rows.
func (g *Graph) alongAxis(x *Value, a int, m *Tensor) *Value {
	last := len(x.Shape) - 1
	perm := make([]int, len(x.Shape))
	for i := range perm {
		perm[i] = i
	}
	perm[a], perm[last] = last, a
	y := g.MatMul(g.Transpose(x, perm), Constant(m))
	return g.Transpose(y, slices.Clone(perm))
}

// resampler holds the parameters of one Resize node.
type resampler struct {
	mode, coord, near string
	a                 float64
	excl, anti        bool
}

// matrix is the n×out matrix of one axis.
func (r resampler) matrix(g *Graph, n, out int, scale float64) *Tensor {
	t := g.allocate(Float32, n, out)
	for j := range out {
		for k, w := range r.weights(r.source(float64(j), float64(n), float64(out), scale), n, scale) {
			t.F[k*out+j] += float32(w)
		}
	}
	return t
}

// source is the input coordinate of output element j.
func (r resampler) source(j, n, out, scale float64) float64 {
	switch r.coord {
	case "half_pixel":
		return (j+0.5)/scale - 0.5
	case "half_pixel_symmetric":
		return n/2 - math.Floor(n*scale)/2/scale + (j+0.5)/scale - 0.5
	case "pytorch_half_pixel":
		if out > 1 {
			return (j+0.5)/scale - 0.5
		}
		return 0
	case "align_corners":
		if out > 1 {
			return j * (n - 1) / (out - 1)
		}
		return 0
	case "asymmetric":
		return j / scale
	}
	fail("coordinate_transformation_mode %q is not supported", r.coord)
	return 0
}

// weights maps input indices to their weight for source coordinate x.
func (r resampler) weights(x float64, n int, scale float64) map[int]float64 {
	w := map[int]float64{}
	if r.mode == "nearest" {
		if r.near == "simple" { // before operator set 11
			if r.near = "floor"; scale < 1 {
				r.near = "ceil"
			}
		}
		w[min(max(r.round(x), 0), n-1)] = 1
		return w
	}
	support, kern := 1.0, func(d float64) float64 { return max(0, 1-math.Abs(d)) }
	if r.mode == "cubic" {
		support, kern = 2, r.cubic
	} else if r.mode != "linear" {
		fail("mode %q is not supported", r.mode)
	}
	stretch := 1.0
	if r.anti && scale < 1 {
		stretch = scale
	}
	lo, hi := int(math.Floor(x-support/stretch))+1, int(math.Ceil(x+support/stretch))-1
	if stretch == 1 {
		base := int(math.Floor(x))
		lo, hi = base+1-int(support), base+int(support)
	}
	sum := 0.0
	for k := lo; k <= hi; k++ {
		v := kern((float64(k) - x) * stretch)
		if (r.excl || r.anti) && (k < 0 || k >= n) {
			continue
		}
		w[min(max(k, 0), n-1)] += v
		sum += v
	}
	for k := range w {
		w[k] /= sum
	}
	return w
}

// cubic is Keys' convolution kernel (IEEE Trans. ASSP 29(6), 1981) with parameter a.
func (r resampler) cubic(d float64) float64 {
	d = math.Abs(d)
	switch {
	case d <= 1:
		return ((r.a+2)*d-(r.a+3))*d*d + 1
	case d < 2:
		return ((r.a*d-5*r.a)*d+8*r.a)*d - 4*r.a
	}
	return 0
}

func (r resampler) round(x float64) int {
	switch r.near {
	case "round_prefer_floor":
		return int(math.Ceil(x - 0.5))
	case "round_prefer_ceil":
		return int(math.Floor(x + 0.5))
	case "floor":
		return int(math.Floor(x))
	case "ceil":
		return int(math.Ceil(x))
	}
	fail("nearest_mode %q is not supported", r.near)
	return 0
}
