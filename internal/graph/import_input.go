package graph

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/onnx"
)

// inputs adds the image and the sources to the graph.
func (im *importer) inputs(o ImportOptions) {
	for _, s := range o.Sources {
		v := &Value{Name: s.Name, Const: s.Const}
		if s.Const != nil {
			v.DType, v.Shape = s.Const.DType, s.Const.Shape
		} else {
			v = im.g.Input(s.Name, s.DType, s.Shape...)
		}
		im.scope[s.Name] = []*Value{v}
	}
	for _, v := range im.model.Graph.Inputs {
		if in := im.scope[v.Name]; in != nil {
			im.elem[in[0]] = v.Type
		}
	}
	if len(o.Sources) == 0 && !o.Constants || o.Input != "" {
		im.image(im.pickImage(o.Input), o)
	}
}

// pickImage finds the image input: the one of that name, or the first of rank 4, three channels preferred.
func (im *importer) pickImage(name string) *onnx.ValueInfo {
	init := map[string]bool{}
	for _, t := range im.model.Graph.Initializers {
		init[t.Name] = true
	}
	var pick *onnx.ValueInfo
	var seen []string
	best := 0
	for _, v := range im.model.Graph.Inputs {
		if init[v.Name] {
			continue
		}
		seen = append(seen, fmt.Sprintf("%s %v", v.Name, dims(v)))
		if name != "" {
			if v.Name == name {
				pick = v
			}
		} else if r := imageRank(v); r > best {
			pick, best = v, r
		}
	}
	if pick == nil && name != "" {
		fail("the model has no input %q; it has %s", name, strings.Join(seen, ", "))
	}
	if pick == nil {
		fail("no input has the rank of an image (N×C×H×W); inputs are %s", strings.Join(seen, ", "))
	}
	return pick
}

// imageRank says how much an input looks like an image; 0 is not at all.
func imageRank(v *onnx.ValueInfo) int {
	if !v.HasShape || len(v.Dims) != 4 {
		return 0
	}
	r := 1
	if v.Dims[1].Value == 3 || v.Dims[3].Value == 3 {
		r += 2
	}
	if v.Type.IsFloat() || v.Type == onnx.Uint8 {
		r++
	}
	return r
}

// image adds the image input, as 1×C×H×W whatever layout the file has.
func (im *importer) image(v *onnx.ValueInfo, o ImportOptions) {
	if !v.Type.IsFloat() && !v.Type.IsInt() || v.Type == onnx.Bool {
		fail("input %q holds %s; an image holds floats or integers", v.Name, v.Type)
	}
	shape, last := imageShape(v, o)
	h := 2
	if last {
		h = 1
	}
	im.g.Image = Image{AnySize: v.Dims[h].Value < 0 && v.Dims[h+1].Value < 0, ChannelsLast: last, Type: v.Type, Batch: max(int(v.Dims[0].Value), 0)}
	x := im.g.Input(v.Name, Float32, shape...)
	if last {
		x = im.g.Transpose(x, []int{0, 2, 3, 1})
	}
	im.elem[x] = v.Type
	im.scope[v.Name] = []*Value{x}
}

func dims(v *onnx.ValueInfo) []string {
	var s []string
	for _, d := range v.Dims {
		if d.Value >= 0 {
			s = append(s, fmt.Sprint(d.Value))
		} else if d.Param != "" {
			s = append(s, d.Param)
		} else {
			s = append(s, "?")
		}
	}
	return s
}

// ErrOpenSize is wrapped by the error about an image whose size the file leaves open.
var ErrOpenSize = errors.New("its height and width are dynamic")

// imageShape decides the input's shape for one image, and whether the file has its channels last.
func imageShape(v *onnx.ValueInfo, o ImportOptions) (shape []int, last bool) {
	if !v.HasShape || len(v.Dims) != 4 {
		fail("input %q has shape %v; an image input has four axes", v.Name, dims(v))
	}
	d := func(i int) int { return int(v.Dims[i].Value) }
	c, h, w := d(1), d(2), d(3)
	if last = w == 3 && c != 3; last {
		c, h, w = d(3), d(1), d(2)
	}
	if c <= 0 {
		c = 3
	}
	if o.Height > 0 {
		h, w = o.Height, o.Width
	}
	if h == 0 || w == 0 {
		fail("input %q has shape %v: it holds no pixels", v.Name, dims(v))
	}
	if h < 0 || w < 0 {
		fail("input %q has shape %v: %w, give an image size", v.Name, dims(v), ErrOpenSize)
	}
	if c > 64 || h > 1<<14 || w > 1<<14 {
		fail("input %q has shape %v: %w for an image", v.Name, dims(v), ErrTooLarge)
	}
	return []int{1, c, h, w}, last
}
