package system

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// BackgroundClass is the name that stands for no class at all in masks and boxes.
const BackgroundClass = "background"

// Classes translates what a system calls its classes into the data's.
type Classes struct {
	labels []string // the data's classes, then those that only the system knows
	own    []string // the system's classes in its order
	index  []int    // of own in labels; background is −1
	rename map[string]string
}

// NewClasses takes the data's classes, the system's in the order of its scores (nil: the data's), and a map from
// the system's name to the data's where they differ. A class of the system that the data does not have stays one
// that is never right; "background" stands for none.
func NewClasses(data, own []string, rename map[string]string) (Classes, error) {
	c := Classes{labels: slices.Clone(data), own: own, rename: rename}
	if own == nil {
		c.own = data
	}
	for from, to := range rename {
		if own != nil && !slices.Contains(own, from) {
			return c, fmt.Errorf("class %q is renamed to %q but is not among the system's classes %s", from, to, strings.Join(own, ", "))
		}
		if to != BackgroundClass && !slices.Contains(data, to) {
			return c, fmt.Errorf("class %q is renamed to %q, which is no class of the data: %s", from, to, strings.Join(data, ", "))
		}
	}
	seen := map[string]bool{}
	for _, name := range c.own {
		if seen[name] {
			return c, fmt.Errorf("class %q is listed twice", name)
		}
		seen[name] = true
		k, err := c.named(name)
		if err != nil {
			k = len(c.labels)
			c.labels = append(c.labels, name)
		}
		c.index = append(c.index, k)
	}
	return c, nil
}

// Labels names the classes of answers: the data's, then those that only the system knows.
func (c Classes) Labels() []string { return c.labels }

// named is the index of a class by the system's name for it, −1 for background.
func (c Classes) named(name string) (int, error) {
	if to, ok := c.rename[name]; ok {
		name = to
	}
	if k := slices.Index(c.labels, name); k >= 0 {
		return k, nil
	}
	if name == BackgroundClass {
		return dataset.NoLabel, nil
	}
	return 0, fmt.Errorf("the class %q is none of %s: say under classes and map what the system calls them", name, strings.Join(c.labels, ", "))
}

// at is the index of the system's k-th class, −1 for background.
func (c Classes) at(k int) (int, error) {
	if k < 0 || k >= len(c.index) {
		return 0, fmt.Errorf("class number %d of %d: say under classes which the system has", k, len(c.index))
	}
	return c.index[k], nil
}

// spread puts scores in the system's order into the order of Labels; what is not scored gets least.
func (c Classes) spread(scores []float32) ([]float32, error) {
	if len(scores) != len(c.index) {
		return nil, fmt.Errorf("%d scores for %d classes (%s): say under classes which the system has, in its order", len(scores), len(c.index), strings.Join(c.own, ", "))
	}
	low := slices.Min(scores)
	out := slices.Repeat([]float32{low - 1}, len(c.labels))
	for i, k := range c.index {
		if k >= 0 {
			out[k] = max(out[k], scores[i])
		}
	}
	return out, nil
}

// Arrange puts rows that are in the order of the system's classes into the order of Labels. Every label needs one.
func (c Classes) Arrange(rows [][]float32) ([][]float32, error) {
	if len(rows) != len(c.index) {
		return nil, fmt.Errorf("%d rows for %d classes (%s)", len(rows), len(c.index), strings.Join(c.own, ", "))
	}
	out := make([][]float32, len(c.labels))
	for i, k := range c.index {
		if k >= 0 {
			out[k] = rows[i]
		}
	}
	for k, r := range out {
		if r == nil {
			return nil, fmt.Errorf("class %q has no row", c.labels[k])
		}
	}
	return out, nil
}
