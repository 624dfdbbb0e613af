package attack

import (
	"math/rand/v2"
	"strings"
)

var _ = transforms.add("chain", "several transforms, one after the other", func(a *Args) Transform { return Chain(rest(a, transforms)) })

// Chain puts the image through several transforms, the first first.
type Chain []Transform

func (t Chain) String() string {
	parts := make([]string, len(t))
	for i, p := range t {
		parts[i] = p.String()
	}
	return "chain(" + strings.Join(parts, ",") + ")"
}

// New implements Transform.
func (t Chain) New(h, w int, task *Task) Warp { return &chain{list: t, h: h, w: w, task: task} }

type chain struct {
	list  Chain
	h, w  int
	task  *Task
	links []link
}

// link is one transform of a chain at the size that reaches it.
type link struct {
	warp   Warp
	h, w   int // what it takes
	oh, ow int // what it makes
	out    []float32
}

func (c *chain) Draw(rng *rand.Rand, copy int) (h, w int) {
	h, w = c.h, c.w
	if c.links == nil {
		c.links = make([]link, len(c.list))
	}
	for i, t := range c.list {
		l := &c.links[i]
		if l.warp == nil || l.h != h || l.w != w {
			*l = link{warp: t.New(h, w, c.task), h: h, w: w, out: l.out}
		}
		l.oh, l.ow = l.warp.Draw(rng, copy)
		if h, w = l.oh, l.ow; len(l.out) < 3*h*w {
			l.out = make([]float32, 3*h*w)
		}
	}
	return h, w
}

func (c *chain) Forward(dst, src []float32) {
	for i := range c.links {
		l := &c.links[i]
		out := l.out[:3*l.oh*l.ow]
		l.warp.Forward(out, src)
		src = out
	}
	copy(dst, src)
}

func (c *chain) Adjoint(dst, g []float32) {
	for i := len(c.links) - 1; i >= 0; i-- {
		l := &c.links[i]
		if i == 0 {
			l.warp.Adjoint(dst, g)
			return
		}
		out := c.links[i-1].out[:3*l.h*l.w]
		l.warp.Adjoint(out, g)
		g = out
	}
	copy(dst, g)
}
