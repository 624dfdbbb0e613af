package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/encoder"
)

// encoderFlags adds the flags that state what may not be found in a model's graph, and returns the options
// that they ask for.
func encoderFlags(c *cobra.Command) func() []encoder.Option {
	var patch, registers int
	var cls bool
	var input string
	var size imageSize
	var offset float64
	c.Flags().IntVar(&patch, "patch", 0, "side of a patch in pixels, where it is not found in the graph")
	c.Flags().BoolVar(&cls, "cls", false, "the sequence begins with a class token, where that is not found")
	c.Flags().IntVar(&registers, "registers", 0, "register tokens before the patches, where they are not found")
	c.Flags().Var(&size, "size", "network input in pixels, as N or HEIGHTxWIDTH, where the file leaves it open or another is\nwanted: a position embedding that it stores is interpolated")
	c.Flags().Float64Var(&offset, "interpolate-offset", 0, "with --size: what the scale of that interpolation adds to the grid; DINOv2's code has 0.1")
	c.Flags().StringVar(&input, "input", "", "name of the image input, where there are several")
	return func() (list []encoder.Option) {
		if patch > 0 {
			list = append(list, encoder.WithPatch(patch))
		}
		if c.Flags().Changed("cls") || c.Flags().Changed("registers") {
			list = append(list, encoder.WithPrefix(cls, registers))
		}
		if size != (imageSize{}) {
			list = append(list, encoder.WithImageSize(size[0], size[1]))
		}
		if offset != 0 {
			list = append(list, encoder.WithInterpolateOffset(offset))
		}
		if input != "" {
			list = append(list, encoder.WithInput(input))
		}
		return list
	}
}

// imageSize is a flag's height and width.
type imageSize [2]int

func (s *imageSize) Type() string { return "size" }

func (s *imageSize) String() string {
	if *s == (imageSize{}) {
		return ""
	}
	return fmt.Sprintf("%dx%d", s[0], s[1])
}

func (s *imageSize) Set(text string) error {
	h, w, two := strings.Cut(strings.ToLower(text), "x")
	if !two {
		w = h
	}
	for i, side := range []string{h, w} {
		n, err := strconv.Atoi(side)
		if err != nil || n < 1 || n > 1<<15 {
			return fmt.Errorf("want N or HEIGHTxWIDTH in pixels, such as 224 or 224x336")
		}
		s[i] = n
	}
	return nil
}
