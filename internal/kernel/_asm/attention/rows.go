package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/plumbline-ml/plumbline/internal/kernel/_asm/emit"
)

// pointer loads a parameter.
func (s *isa) pointer(name string) reg.GPVirtual {
	return s.Load(s.Param(name), s.GP64()).(reg.GPVirtual)
}

// scalar broadcasts a parameter.
func (s *isa) scalar(name string) reg.VecVirtual {
	a, err := s.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return s.all(a.Addr)
}

// logits reads a unit of x and returns scale·x + mask, or scale·x without a mask.
func (s *isa) logits(x, mask reg.Register, scale reg.VecVirtual, masked bool) unit {
	u := s.load(x)
	for i := range u {
		if masked {
			s.VFMADD213PS(s.at(mask, i), scale, u[i])
		} else {
			s.VMULPS(scale, u[i], u[i])
		}
	}
	return u
}

// eachMask writes body twice, for calls with a mask and without.
func (s *isa) eachMask(mask reg.GPVirtual, body func(label string, masked bool)) {
	s.TESTQ(mask, mask)
	s.JZ(operand.LabelRef("plain"))
	body("masked", true)
	s.JMP(operand.LabelRef("end"))
	s.Label("plain")
	body("bare", false)
	s.Label("end")
}

// softmax writes the kernel that turns a row of products into exponentials.
func softmax(s *isa) {
	name := "attnSoftmax" + s.name
	emit.Begin(s.Context, name, "func(x, mask *float32, units int, scale float32) (top, sum float32)",
		name+" replaces 16·units numbers x by exp(scale·x + mask - top), top being the greatest exponent, NaN aside, and returns their sum. If top is -Inf it leaves x as it is. mask may be nil.")
	mask, scale := s.pointer("mask"), s.scalar("scale")
	top, sum := s.XMM(), s.XMM()
	s.eachMask(mask, func(label string, masked bool) {
		x, m, units := s.pointer("x"), s.GP64(), s.pointer("units")
		s.MOVQ(mask, m)
		most := s.new()
		for i := range most {
			s.VBROADCASTSS(s.data("lowest", 0xff800000), most[i])
		}
		s.loop(label+"top", units, func() {
			u := s.logits(x, m, scale, masked)
			for i := range u {
				s.VMAXPS(most[i], u[i], most[i])
			}
			s.next(x)
			if masked {
				s.next(m)
			}
		})
		s.VMOVAPS(s.fold(most, func(a, b, c reg.VecVirtual) { s.VMAXPS(a, b, c) }), top)
	})
	s.VXORPS(sum, sum, sum)
	s.VUCOMISS(s.data("lowest", 0xff800000), top)
	s.JE(operand.LabelRef("done"))
	s.softmaxSum(mask, scale, top, sum)
	s.Label("done")
	s.VZEROUPPER()
	s.Store(top, s.ReturnIndex(0))
	s.Store(sum, s.ReturnIndex(1))
	s.RET()
}

// softmaxSum writes the second pass of softmax.
func (s *isa) softmaxSum(mask reg.GPVirtual, scale, top, sum reg.VecVirtual) {
	most := s.all(top)
	c := s.expSetup()
	s.TESTQ(mask, mask)
	s.JZ(operand.LabelRef("plainsum"))
	for _, masked := range []bool{true, false} {
		label := "masked"
		if !masked {
			label = "plain"
			s.Label("plainsum")
		}
		x, m, units := s.pointer("x"), s.GP64(), s.pointer("units")
		s.MOVQ(mask, m)
		total := s.zero()
		s.loop(label+"exp", units, func() {
			u := s.logits(x, m, scale, masked)
			for i := range u {
				s.VSUBPS(most, u[i], u[i])
			}
			s.exp(c, u)
			s.store(u, x)
			for i := range u {
				s.VADDPS(u[i], total[i], total[i])
			}
			s.next(x)
			if masked {
				s.next(m)
			}
		})
		s.VMOVAPS(s.fold(total, func(a, b, c reg.VecVirtual) { s.VADDPS(a, b, c) }), sum)
		if masked {
			s.JMP(operand.LabelRef("done"))
		}
	}
}

// next moves a pointer one unit on.
func (s *isa) next(p reg.Register) { s.ADDQ(operand.Imm(64), p) }

// gradient writes the kernel that turns products and gradients at the probabilities into probabilities and
// gradients at the products.
func gradient(s *isa) {
	name := "attnGrad" + s.name
	emit.Begin(s.Context, name, "func(x, dp, mask *float32, units int, scale, lse, delta float32)",
		name+" replaces 16·units products x by p = exp(scale·x + mask - lse) and dp by scale·p·(dp - delta). mask may be nil.")
	mask, scale, lse, delta := s.pointer("mask"), s.scalar("scale"), s.scalar("lse"), s.scalar("delta")
	c := s.expSetup()
	s.eachMask(mask, func(label string, masked bool) {
		x, dp, m, units := s.pointer("x"), s.pointer("dp"), s.GP64(), s.pointer("units")
		s.MOVQ(mask, m)
		s.loop(label+"loop", units, func() {
			u := s.logits(x, m, scale, masked)
			for i := range u {
				s.VSUBPS(lse, u[i], u[i])
			}
			s.exp(c, u)
			s.store(u, x)
			d := s.load(dp)
			for i := range u {
				s.VSUBPS(delta, d[i], d[i])
				s.VMULPS(scale, u[i], u[i])
				s.VMULPS(u[i], d[i], d[i])
			}
			s.store(d, dp)
			s.next(x)
			s.next(dp)
			if masked {
				s.next(m)
			}
		})
	})
	s.VZEROUPPER()
	s.RET()
}

// dot writes the inner product.
func dot(s *isa) {
	name := "attnDot" + s.name
	emit.Begin(s.Context, name, "func(x, y *float32, units int) float32", name+" returns the inner product of 16·units numbers.")
	x, y, units := s.pointer("x"), s.pointer("y"), s.pointer("units")
	total := s.zero()
	s.loop("loop", units, func() {
		u := s.load(x)
		for i := range u {
			s.VFMADD231PS(s.at(y, i), u[i], total[i])
		}
		s.next(x)
		s.next(y)
	})
	sum := s.fold(total, func(a, b, c reg.VecVirtual) { s.VADDPS(a, b, c) })
	s.VZEROUPPER()
	s.Store(sum, s.ReturnIndex(0))
	s.RET()
}

// scale writes the product with a number.
func scale(s *isa) {
	name := "attnScale" + s.name
	emit.Begin(s.Context, name, "func(x *float32, units int, f float32)", name+" multiplies 16·units numbers by f.")
	x, units, f := s.pointer("x"), s.pointer("units"), s.scalar("f")
	s.loop("loop", units, func() {
		u := s.load(x)
		for i := range u {
			s.VMULPS(f, u[i], u[i])
		}
		s.store(u, x)
		s.next(x)
	})
	s.VZEROUPPER()
	s.RET()
}

// add writes the sum of two rows.
func add(s *isa) {
	name := "gemmAdd" + s.name
	emit.Begin(s.Context, name, "func(y, x *float32, units int)", name+" adds 16·units numbers x to y.")
	y, x, units := s.pointer("y"), s.pointer("x"), s.pointer("units")
	s.loop("loop", units, func() {
		u := s.load(y)
		for i := range u {
			s.VADDPS(s.at(x, i), u[i], u[i])
		}
		s.store(u, y)
		s.next(x)
		s.next(y)
	})
	s.VZEROUPPER()
	s.RET()
}
