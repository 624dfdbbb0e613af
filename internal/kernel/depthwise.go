package kernel

// A depthwise convolution has one input channel per group, so the matrix product would have depth Kh·Kw and lose to
// adding the input, shifted and scaled, once per weight.

// depthwiseForward adds the convolution of one output channel to y, of Oh×Ow.
func depthwiseForward(y, x, w []float32, s *ConvShape) {
	eachTap(s, func(k, oh, ow, ih, iw, n int) {
		out := y[oh*s.Ow+ow:][:n]
		in := x[ih*s.W+iw:]
		if s.Sw == 1 {
			Axpy(out, w[k], in[:n])
			return
		}
		for i := range out {
			out[i] += w[k] * in[i*s.Sw]
		}
	})
}

// depthwiseInput adds the input cotangent of one output channel to dx, of H×W.
func depthwiseInput(dx, dy, w []float32, s *ConvShape) {
	eachTap(s, func(k, oh, ow, ih, iw, n int) {
		addEvery(dx[ih*s.W+iw:], s.Sw, w[k], dy[oh*s.Ow+ow:][:n])
	})
}

// depthwiseWeight adds the weight cotangent of one output channel to dw, of Kh×Kw.
func depthwiseWeight(dw, dy, x []float32, s *ConvShape) {
	eachTap(s, func(k, oh, ow, ih, iw, n int) {
		out := dy[oh*s.Ow+ow:][:n]
		in := x[ih*s.W+iw:]
		if s.Sw == 1 {
			dw[k] += float32(Dot(out, in[:n]))
			return
		}
		var sum float64
		for i, v := range out {
			sum += float64(v) * float64(in[i*s.Sw])
		}
		dw[k] += float32(sum)
	})
}

// eachTap calls f for every weight k and output row with the run of n outputs from (oh, ow) that read the inputs from
// (ih, iw) on, skipping the padding.
func eachTap(s *ConvShape, f func(k, oh, ow, ih, iw, n int)) {
	for k := range s.Kh * s.Kw {
		kh, kw := k/s.Kw, k%s.Kw
		shift := kw*s.Dw - s.Pl
		left, right := inside(s.Ow, s.W, s.Sw, shift)
		top, bottom := inside(s.Oh, s.H, s.Sh, kh*s.Dh-s.Pt)
		if left == right {
			continue
		}
		for oh := top; oh < bottom; oh++ {
			f(k, oh, left, oh*s.Sh+kh*s.Dh-s.Pt, left*s.Sw+shift, right-left)
		}
	}
}
