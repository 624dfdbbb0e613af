package attack

import "math"

// resampler is interpolation as PyTorch's F.interpolate(align_corners=False, antialias=False) does it, at
// half-pixel centres with edge pixels repeated: bicubic is Keys' kernel with a = −0.75, bilinear the
// tent. It is linear and separable, so its adjoint is exact.
type resampler struct {
	kernel func(float64) float64
	h, w   int // source
	oh, ow int // result
	rows   []tap4
	cols   []tap4
	tmp    []float32 // 3×oh×w
}

// tap4 is where one result sample reads: four source positions, which may repeat at the edge.
type tap4 struct {
	at     [4]int
	weight [4]float32
}

// set prepares h×w → oh×ow.
func (r *resampler) set(h, w, oh, ow int) {
	r.h, r.w, r.oh, r.ow = h, w, oh, ow
	if r.kernel == nil {
		r.kernel = cubicKernel
	}
	r.rows = resampleTaps(r.rows[:0], h, oh, r.kernel)
	r.cols = resampleTaps(r.cols[:0], w, ow, r.kernel)
	if n := 3 * oh * w; cap(r.tmp) < n {
		r.tmp = make([]float32, n)
	} else {
		r.tmp = r.tmp[:n]
	}
}

func resampleTaps(taps []tap4, n, on int, kernel func(float64) float64) []tap4 {
	scale := float64(n) / float64(on)
	for o := range on {
		x := scale*(float64(o)+0.5) - 0.5
		at := math.Floor(x)
		t := x - at
		var p tap4
		for k := range 4 {
			p.at[k] = min(max(int(at)-1+k, 0), n-1)
			p.weight[k] = float32(kernel(math.Abs(t + 1 - float64(k))))
		}
		taps = append(taps, p)
	}
	return taps
}

// cubicKernel is Keys' convolution kernel with a = −0.75 at distance d.
func cubicKernel(d float64) float64 {
	const a = -0.75
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}

// tent is the kernel of bilinear interpolation.
func tent(d float64) float64 { return max(1-d, 0) }

// forward resizes a planar 3×h×w image.
func (r *resampler) forward(dst, src []float32) {
	for c := range 3 {
		for y, p := range r.rows {
			out := r.tmp[(c*r.oh+y)*r.w:][:r.w]
			for x := range out {
				var s float32
				for k := range 4 {
					s += p.weight[k] * src[(c*r.h+p.at[k])*r.w+x]
				}
				out[x] = s
			}
		}
	}
	for y := range 3 * r.oh {
		row, out := r.tmp[y*r.w:][:r.w], dst[y*r.ow:][:r.ow]
		for x, p := range r.cols {
			out[x] = p.weight[0]*row[p.at[0]] + p.weight[1]*row[p.at[1]] + p.weight[2]*row[p.at[2]] + p.weight[3]*row[p.at[3]]
		}
	}
}

// adjoint writes to dst (3×h×w) the transpose of forward applied to g (3×oh×ow).
func (r *resampler) adjoint(dst, g []float32) {
	zero(r.tmp)
	for y := range 3 * r.oh {
		row, in := r.tmp[y*r.w:][:r.w], g[y*r.ow:][:r.ow]
		for x, p := range r.cols {
			for k := range 4 {
				row[p.at[k]] += p.weight[k] * in[x]
			}
		}
	}
	zero(dst[:3*r.h*r.w])
	for c := range 3 {
		for y, p := range r.rows {
			in := r.tmp[(c*r.oh+y)*r.w:][:r.w]
			for k := range 4 {
				out := dst[(c*r.h+p.at[k])*r.w:][:r.w]
				for x, v := range in {
					out[x] += p.weight[k] * v
				}
			}
		}
	}
}
