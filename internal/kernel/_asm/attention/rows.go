package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/plumbline-ml/plumbline/internal/kernel/_asm/emit"
)

// eachMask writes body twice, for calls with a mask and without; body starts from a fresh copy of the parameters.
func (s *isa) eachMask(body func(label string, masked bool)) {
	mask := s.pointer("mask")
	s.TESTQ(mask, mask)
	s.JZ(operand.LabelRef("bare"))
	body("masked", true)
	s.VZEROUPPER()
	s.RET()
	s.Label("bare")
	body("plain", false)
	s.VZEROUPPER()
	s.RET()
}

// logits reads a unit of x and returns scale·x + mask - minus, without the parts that are nil. Behind the end of
// the row the last unit is -Inf.
func (r row) logits(x, mask reg.Register, scale, minus reg.VecVirtual, masked, last bool) unit {
	u := r.load(x)
	if masked && last {
		m := r.loadLast(mask)
		for i := range u {
			r.VFMADD213PS(m[i], scale, u[i])
		}
	} else {
		for i := range u {
			switch {
			case masked:
				r.VFMADD213PS(r.at(mask, i), scale, u[i])
			case minus != nil:
				r.VFMSUB213PS(minus, scale, u[i])
			default:
				r.VMULPS(scale, u[i], u[i])
			}
		}
	}
	if masked && minus != nil {
		for i := range u {
			r.VSUBPS(minus, u[i], u[i])
		}
	}
	if last {
		r.lowest(u)
	}
	return u
}

// each runs body on every unit of the row x and its mask, the last one marked.
func (r row) each(label string, x, mask reg.Register, masked bool, body func(x, mask reg.Register, last bool)) {
	p, m, n := r.copyOf(x), reg.Register(nil), r.copyOf(r.units)
	if masked {
		m = r.copyOf(mask)
	}
	r.loop0(label, n, func() {
		body(p, m, false)
		r.next(p)
		if masked {
			r.next(m)
		}
	})
	body(p, m, true)
}

// softmax writes the kernel that turns rows of products into exponentials.
func softmax(s *isa) {
	name := "attnSoftmax" + s.name
	emit.Begin(s.Context, name, "func(x *float32, stride uintptr, rows, n int, mask *float32, maskStride uintptr, scale float32, top, sum *float32)",
		name+" replaces each of rows rows of n numbers x by exp(scale·x + mask - top), top being the row's greatest exponent, NaN aside,\n"+
			"and sums them up; the last unit of 16 is filled up with zeros. A row whose top is -Inf it leaves alone, with sum 0. mask may be nil;\nstrides are in bytes.")
	s.eachMask(func(label string, masked bool) {
		r, scale, c := s.row("n"), s.scalar("scale"), s.expSetup()
		x, rows, top, sum := s.pointer("x"), s.pointer("rows"), s.pointer("top"), s.pointer("sum")
		var mask reg.GPVirtual
		if masked {
			mask = s.pointer("mask")
		}
		s.loop(label+"row", rows, func() {
			r.softmaxRow(label, c, x, mask, scale, top, sum, masked)
			s.ADDQ(s.parameter("stride"), x)
			if masked {
				s.ADDQ(s.parameter("maskStride"), mask)
			}
			s.ADDQ(operand.Imm(4), top)
			s.ADDQ(operand.Imm(4), sum)
		})
	})
}

// parameter is where a parameter lies.
func (s *isa) parameter(name string) operand.Mem {
	a, err := s.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return a.Addr
}

// softmaxRow writes the two passes over one row.
func (r row) softmaxRow(label string, c expConstants, x, mask reg.Register, scale reg.VecVirtual, top, sum reg.Register, masked bool) {
	low := r.data("lowest", 0xff800000)
	most := r.unit()
	for i := range most {
		r.VBROADCASTSS(low, most[i])
	}
	r.each(label+"top", x, mask, masked, func(x, mask reg.Register, last bool) {
		u := r.logits(x, mask, scale, nil, masked, last)
		for i := range u {
			r.most(most[i], u[i], most[i])
		}
	})
	greatest := r.fold(most, r.most)
	total := r.zero()
	r.VMOVSS(greatest, operand.Mem{Base: top})
	r.VUCOMISS(low, greatest)
	r.JE(operand.LabelRef(label + "hidden"))
	minus := r.all(greatest)
	r.each(label+"exp", x, mask, masked, func(x, mask reg.Register, last bool) {
		u := r.logits(x, mask, scale, minus, masked, last)
		r.exp(c, u)
		r.store(u, x)
		for i := range u {
			r.VADDPS(u[i], total[i], total[i])
		}
	})
	r.Label(label + "hidden")
	r.VMOVSS(r.fold(total, r.isa.add), operand.Mem{Base: sum})
}

// logSumExp writes the end of softmax for a column of rows.
func logSumExp(s *isa) {
	name := "attnLogSumExp" + s.name
	emit.Begin(s.Context, name, "func(lse, f, top, sum *float32, units int)",
		name+" sets lse = top + ln(sum) and f = 1/sum for 16·units numbers.")
	lse, f, top, sum, units := s.pointer("lse"), s.pointer("f"), s.pointer("top"), s.pointer("sum"), s.pointer("units")
	one := s.all(s.data("one", 0x3f800000))
	s.loop("loop", units, func() {
		u := s.load(sum)
		l := s.log(u)
		for i := range u {
			s.VADDPS(s.at(top, i), l[i], l[i])
			s.VDIVPS(u[i], one, u[i])
		}
		s.store(l, lse)
		s.store(u, f)
		for _, p := range []reg.Register{lse, f, top, sum} {
			s.next(p)
		}
	})
	s.VZEROUPPER()
	s.RET()
}

// gradient writes the kernel that turns products and gradients at the probabilities into probabilities and
// gradients at the products.
func gradient(s *isa) {
	name := "attnGrad" + s.name
	emit.Begin(s.Context, name, "func(x, dp *float32, stride uintptr, rows, n int, mask *float32, maskStride uintptr, scale float32, lse, delta *float32)",
		name+" replaces each of rows rows of n products x by p = exp(scale·x + mask - lse) and dp by scale·p·(dp - delta); of the last\n"+
			"unit of 16, what is behind the row is lost. mask may be nil; strides are in bytes.")
	s.eachMask(func(label string, masked bool) {
		r, scale, c := s.row("n"), s.scalar("scale"), s.expSetup()
		x, dp, rows, lse, delta := s.pointer("x"), s.pointer("dp"), s.pointer("rows"), s.pointer("lse"), s.pointer("delta")
		var mask reg.GPVirtual
		if masked {
			mask = s.pointer("mask")
		}
		s.loop(label+"row", rows, func() {
			minus := s.all(operand.Mem{Base: lse})
			less := s.all(operand.Mem{Base: delta})
			d := s.copyOf(dp)
			r.each(label+"unit", x, mask, masked, func(x, mask reg.Register, last bool) {
				u := r.logits(x, mask, scale, minus, masked, last)
				r.exp(c, u)
				s.store(u, x)
				g := s.load(d)
				for i := range u {
					s.VSUBPS(less, g[i], g[i])
					s.VMULPS(scale, u[i], u[i])
					s.VMULPS(u[i], g[i], g[i])
				}
				s.store(g, d)
				s.next(d)
			})
			s.ADDQ(s.parameter("stride"), x)
			s.ADDQ(s.parameter("stride"), dp)
			if masked {
				s.ADDQ(s.parameter("maskStride"), mask)
			}
			s.ADDQ(operand.Imm(4), lse)
			s.ADDQ(operand.Imm(4), delta)
		})
	})
}

// keptGradient writes gradient for probabilities that are there already.
func keptGradient(s *isa) {
	name := "attnKeptGrad" + s.name
	emit.Begin(s.Context, name, "func(p, dp *float32, stride uintptr, rows, n int, scale float32, delta *float32)",
		name+" replaces each of rows rows of n numbers dp by scale·p·(dp - delta); of the last unit of 16, what is behind the\n"+
			"row is lost. Strides are in bytes.")
	r, scale := s.row("n"), s.scalar("scale")
	p, dp, rows, delta := s.pointer("p"), s.pointer("dp"), s.pointer("rows"), s.pointer("delta")
	s.loop("row", rows, func() {
		less := s.all(operand.Mem{Base: delta})
		r.each("unit", p, dp, true, func(p, dp reg.Register, _ bool) {
			u, g := s.load(p), s.load(dp)
			for i := range u {
				s.VSUBPS(less, g[i], g[i])
				s.VMULPS(scale, u[i], u[i])
				s.VMULPS(u[i], g[i], g[i])
			}
			s.store(g, dp)
		})
		s.ADDQ(s.parameter("stride"), p)
		s.ADDQ(s.parameter("stride"), dp)
		s.ADDQ(operand.Imm(4), delta)
	})
	s.VZEROUPPER()
	s.RET()
}

// dot writes the inner products of rows.
func dot(s *isa) {
	name := "attnDot" + s.name
	emit.Begin(s.Context, name, "func(x *float32, xStride uintptr, y *float32, yStride uintptr, rows, n int, out *float32)",
		name+" writes the inner products of rows rows of n numbers, strides in bytes, to out.")
	r := s.row("n")
	x, y, rows, out := s.pointer("x"), s.pointer("y"), s.pointer("rows"), s.pointer("out")
	s.loop("row", rows, func() {
		total := s.zero()
		r.each("unit", x, y, true, func(x, y reg.Register, last bool) {
			if last {
				u, v := r.loadLast(x), r.loadLast(y)
				for i := range u {
					s.VFMADD231PS(v[i], u[i], total[i])
				}
				return
			}
			u := s.load(x)
			for i := range u {
				s.VFMADD231PS(s.at(y, i), u[i], total[i])
			}
		})
		s.VMOVSS(s.fold(total, s.add), operand.Mem{Base: out})
		s.ADDQ(s.parameter("xStride"), x)
		s.ADDQ(s.parameter("yStride"), y)
		s.ADDQ(operand.Imm(4), out)
	})
	s.VZEROUPPER()
	s.RET()
}

// scale writes the products of rows with numbers.
func scale(s *isa) {
	name := "attnScale" + s.name
	emit.Begin(s.Context, name, "func(x *float32, stride uintptr, rows, n int, f *float32)",
		name+" multiplies row i of rows rows of n numbers, stride bytes apart, by f[i].")
	r := s.row("n")
	x, rows, f := s.pointer("x"), s.pointer("rows"), s.pointer("f")
	s.loop("row", rows, func() {
		k := s.all(operand.Mem{Base: f})
		r.each("unit", x, nil, false, func(x, _ reg.Register, last bool) {
			load, store := s.load, s.store
			if last {
				load, store = r.loadLast, r.storeLast
			}
			u := load(x)
			for i := range u {
				s.VMULPS(k, u[i], u[i])
			}
			store(u, x)
		})
		s.ADDQ(s.parameter("stride"), x)
		s.ADDQ(operand.Imm(4), f)
	})
	s.VZEROUPPER()
	s.RET()
}

// add writes the sum of two matrices.
func add(s *isa) {
	name := "gemmAdd" + s.name
	emit.Begin(s.Context, name, "func(y *float32, yStride uintptr, x *float32, xStride uintptr, rows, n int)",
		name+" adds rows rows of n numbers x to y, strides in bytes.")
	r := s.row("n")
	y, x, rows := s.pointer("y"), s.pointer("x"), s.pointer("rows")
	s.loop("row", rows, func() {
		r.each("unit", y, x, true, func(y, x reg.Register, last bool) {
			if last {
				u, v := r.loadLast(y), r.loadLast(x)
				for i := range u {
					s.VADDPS(v[i], u[i], u[i])
				}
				r.storeLast(u, y)
				return
			}
			u := s.load(y)
			for i := range u {
				s.VADDPS(s.at(x, i), u[i], u[i])
			}
			s.store(u, y)
		})
		s.ADDQ(s.parameter("yStride"), y)
		s.ADDQ(s.parameter("xStride"), x)
	})
	s.VZEROUPPER()
	s.RET()
}
