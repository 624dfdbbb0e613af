package kernel

import "fmt"

// ConvShape is the geometry of a two-dimensional convolution or pooling of one image: input C×H×W, output Oc×Oh×Ow,
// window Kh×Kw, strides Sh and Sw, dilations Dh and Dw, zero padding at top, left, bottom and right, and Groups of
// channels that do not see each other. For pooling Oc = Groups = C.
type ConvShape struct{ C, H, W, Oc, Kh, Kw, Sh, Sw, Dh, Dw, Pt, Pl, Pb, Pr, Groups, Oh, Ow int }

// OutputSize returns how many windows fit along one axis. With ceil a last window may overhang the end, as long as it
// starts inside the input or the padding before it.
func OutputSize(in, kernel, stride, dilation, before, after int, ceil bool) int {
	room := in + before + after - dilation*(kernel-1) - 1
	if room < 0 {
		return 0
	}
	n := room/stride + 1
	if ceil && room%stride != 0 && n*stride < in+before {
		n++
	}
	return n
}

// Validate reports what makes the shape impossible. Kernels expect a shape that passes.
func (s *ConvShape) Validate() error {
	if s.C < 1 || s.H < 1 || s.W < 1 || s.Oc < 1 || s.Kh < 1 || s.Kw < 1 || s.Sh < 1 || s.Sw < 1 || s.Dh < 1 || s.Dw < 1 || s.Groups < 1 {
		return fmt.Errorf("convolution %+v: sizes, strides, dilations and groups must be positive", *s)
	}
	if s.Pt < 0 || s.Pl < 0 || s.Pb < 0 || s.Pr < 0 {
		return fmt.Errorf("convolution %+v: padding must not be negative", *s)
	}
	if s.C%s.Groups != 0 || s.Oc%s.Groups != 0 {
		return fmt.Errorf("convolution: %d groups do not divide %d input and %d output channels", s.Groups, s.C, s.Oc)
	}
	okH := fits(s.Oh, s.H, s.Kh, s.Sh, s.Dh, s.Pt, s.Pb)
	okW := fits(s.Ow, s.W, s.Kw, s.Sw, s.Dw, s.Pl, s.Pr)
	if !okH || !okW || s.Oh < 1 || s.Ow < 1 {
		return fmt.Errorf("convolution: output %d×%d does not fit input %d×%d with window %d×%d, stride %d×%d, dilation %d×%d and padding %d,%d,%d,%d",
			s.Oh, s.Ow, s.H, s.W, s.Kh, s.Kw, s.Sh, s.Sw, s.Dh, s.Dw, s.Pt, s.Pl, s.Pb, s.Pr)
	}
	return nil
}

func fits(out, in, kernel, stride, dilation, before, after int) bool {
	return out == OutputSize(in, kernel, stride, dilation, before, after, false) ||
		out == OutputSize(in, kernel, stride, dilation, before, after, true)
}

// depth is the number of products behind one output: input channels of a group × window.
func (s *ConvShape) depth() int { return s.C / s.Groups * s.Kh * s.Kw }

// plane is the number of output positions.
func (s *ConvShape) plane() int { return s.Oh * s.Ow }

// pointwise reports whether the convolution is a plain matrix product of the image itself.
func (s *ConvShape) pointwise() bool {
	return s.Kh == 1 && s.Kw == 1 && s.Sh == 1 && s.Sw == 1 && s.Oh == s.H && s.Ow == s.W && s.Pt == 0 && s.Pl == 0
}

// depthwise reports whether every output channel reads one of several input channels.
func (s *ConvShape) depthwise() bool { return s.Groups == s.C && s.C > 1 }

// inside returns the range of outputs o whose input o·stride + shift lies in 0 ≤ i < in.
func inside(out, in, stride, shift int) (lo, hi int) {
	if shift < 0 {
		lo = (-shift + stride - 1) / stride
	}
	if in > shift {
		hi = (in - shift + stride - 1) / stride
	}
	lo, hi = min(lo, out), min(hi, out)
	return lo, max(lo, hi)
}
