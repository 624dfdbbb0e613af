package attack

import (
	"fmt"
	"math"
	"math/rand/v2"
)

var _ = transforms.add("bsr", "blocks shuffled and rotated (BSR, arXiv 2308.10299)", func(a *Args) Transform {
	return Blocks{a.Int("blocks", 3, 1), a.Float("angle", 24, 0, 180)}
})

// Blocks cuts the image at random into N×N blocks, shuffles the block rows and columns, and rotates
// every block about its centre by U(−Angle, Angle) degrees, bilinearly with zeros outside the block (Wang
// et al., arXiv 2308.10299).
type Blocks struct {
	N     int
	Angle float64
}

func (t Blocks) String() string { return fmt.Sprintf("bsr(blocks=%d,angle=%s)", t.N, num(t.Angle)) }

// New implements Transform.
func (t Blocks) New(h, w int, _ *Task) Warp {
	return &blocks{Blocks: t, h: h, w: w, taps: make([]tap4, h*w)}
}

type blocks struct {
	Blocks
	h, w int
	taps []tap4 // per pixel of the result
}

func (s *blocks) Draw(rng *rand.Rand, _ int) (h, w int) {
	rows, cols := cuts(rng, s.h, s.N), cuts(rng, s.w, s.N)
	y := 0
	for _, a := range rng.Perm(len(rows)) {
		x := 0
		for _, b := range rng.Perm(len(cols)) {
			s.turn(y, x, rows[a], cols[b], s.Angle*uniform(rng)*math.Pi/180)
			x += cols[b][1] - cols[b][0]
		}
		y += rows[a][1] - rows[a][0]
	}
	return s.h, s.w
}

// cuts divides n pixels at random into at most k ranges of at least one.
func cuts(rng *rand.Rand, n, k int) [][2]int {
	k = min(k, n)
	marks := make([]bool, n)
	for _, p := range rng.Perm(n - 1)[:k-1] {
		marks[p+1] = true
	}
	var list [][2]int
	from := 0
	for i := 1; i <= n; i++ {
		if i == n || marks[i] {
			list = append(list, [2]int{from, i})
			from = i
		}
	}
	return list
}

// turn sets the taps of the block that goes to (y, x): it is taken from the given rows and columns,
// rotated about its centre.
func (s *blocks) turn(y, x int, rows, cols [2]int, angle float64) {
	bh, bw := rows[1]-rows[0], cols[1]-cols[0]
	sin, cos := math.Sincos(angle)
	cy, cx := float64(bh-1)/2, float64(bw-1)/2
	for i := range bh {
		for j := range bw {
			dy, dx := float64(i)-cy, float64(j)-cx
			sy, sx := cy+float64(cos*dy)-float64(sin*dx), cx+float64(sin*dy)+float64(cos*dx)
			s.taps[(y+i)*s.w+x+j] = s.bilinear(sy, sx, rows[0], cols[0], bh, bw)
		}
	}
}

// bilinear returns the taps at (sy, sx) of the bh×bw block at (y0, x0), nothing outside it.
func (s *blocks) bilinear(sy, sx float64, y0, x0, bh, bw int) tap4 {
	var p tap4
	fy, fx := math.Floor(sy), math.Floor(sx)
	for k := range 4 {
		y, x := int(fy)+k/2, int(fx)+k%2
		if y < 0 || y >= bh || x < 0 || x >= bw {
			continue
		}
		wy, wx := sy-fy, sx-fx
		if k/2 == 0 {
			wy = 1 - wy
		}
		if k%2 == 0 {
			wx = 1 - wx
		}
		p.at[k], p.weight[k] = (y0+y)*s.w+x0+x, float32(wy*wx)
	}
	return p
}

func (s *blocks) Forward(dst, src []float32) {
	for c := range 3 {
		in, out := src[c*s.h*s.w:], dst[c*s.h*s.w:]
		for i, p := range s.taps {
			out[i] = p.weight[0]*in[p.at[0]] + p.weight[1]*in[p.at[1]] + p.weight[2]*in[p.at[2]] + p.weight[3]*in[p.at[3]]
		}
	}
}

func (s *blocks) Adjoint(dst, g []float32) {
	zero(dst[:3*s.h*s.w])
	for c := range 3 {
		in, out := g[c*s.h*s.w:], dst[c*s.h*s.w:]
		for i, p := range s.taps {
			for k := range 4 {
				out[p.at[k]] += p.weight[k] * in[i]
			}
		}
	}
}
