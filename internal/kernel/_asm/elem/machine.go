package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// machine writes kernels for one instruction set: AVX2 on vectors of 8 numbers, or AVX-512 on vectors of 16.
type machine struct {
	*build.Context
	*constants
	*table
	functions[vector]
	name   string
	wide   int
	labels int

	// State of the kernel being written.
	index  reg.GPVirtual  // element of the vector in work
	disp   int            // and bytes beyond it, in an unrolled loop
	masked bool           // the vector is a tail
	lanes  reg.VecVirtual // AVX2's mask of the tail
}

var (
	tailMask = reg.K1 // AVX-512's mask of the tail
	cmpMask  = reg.K2
)

func (m *machine) avx512() bool { return m.wide == 16 }

// vec returns a fresh vector register.
func (m *machine) vec() reg.VecVirtual {
	if m.avx512() {
		return m.ZMM()
	}
	return m.YMM()
}

// kernel writes the function elem+name of the given Go signature and enters it in the table: as the field called
// name, or under the index key of the array called group.
func (m *machine) kernel(group, key, name, signature, doc string, body func()) {
	full := "elem" + name + m.name
	m.Function(full)
	m.Attributes(attr.NOSPLIT)
	m.SignatureExpr(signature)
	m.Pragma("noescape")
	m.Doc(full + " " + doc)
	m.table.add(entry{m.name, group, key, full, signature})
	body()
	m.VZEROUPPER()
	m.RET()
}

// pointer loads a pointer argument.
func (m *machine) pointer(name string) reg.GPVirtual {
	p := m.GP64()
	m.Load(m.Param(name), p)
	return p
}

// splat loads a float32 argument into every lane.
func (m *machine) splat(name string) reg.VecVirtual {
	v := m.vec()
	m.VBROADCASTSS(m.address(m.Param(name)), v)
	return v
}

func (m *machine) address(c gotypes.Component) operand.Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// result stores the lowest lane as the i-th float32 result.
func (m *machine) result(i int, v reg.VecVirtual) {
	m.VMOVSS(v.AsX(), m.address(m.ReturnIndex(i)))
}

func (m *machine) label(name string) string {
	m.labels++
	return fmt.Sprintf("%s%s%d", name, strings.ToLower(m.name), m.labels)
}

// each writes a loop over n elements: unroll vectors at a time, then one at a time, then the masked tail. body is
// called once per vector with the number of its accumulator.
func (m *machine) each(unroll int, body func(u int)) {
	n := m.pointer("n")
	m.index = m.GP64()
	m.XORQ(m.index, m.index)
	if unroll > 1 {
		m.loop(n, unroll, body)
	}
	m.loop(n, 1, body)
	done := m.label("done")
	m.TESTQ(n, n)
	m.JZ(operand.LabelRef(done))
	m.setTail(n)
	m.masked = true
	body(0)
	m.masked = false
	m.Label(done)
}

// loop runs while unroll vectors are left, and leaves in n how many elements are.
func (m *machine) loop(n reg.GPVirtual, unroll int, body func(u int)) {
	step := unroll * m.wide
	top, end := m.label("loop"), m.label("end")
	m.SUBQ(operand.Imm(uint64(step)), n)
	m.JL(operand.LabelRef(end))
	m.Label(top)
	for u := range unroll {
		m.disp = u * m.wide * 4
		body(u)
	}
	m.disp = 0
	m.ADDQ(operand.Imm(uint64(step)), m.index)
	m.SUBQ(operand.Imm(uint64(step)), n)
	m.JGE(operand.LabelRef(top))
	m.Label(end)
	m.ADDQ(operand.Imm(uint64(step)), n)
}

// setTail makes the mask of the first n lanes, 0 < n < wide.
func (m *machine) setTail(n reg.GPVirtual) {
	if m.avx512() {
		bits := m.GP64()
		m.MOVQ(operand.I64(-1), bits)
		m.BZHIQ(n, bits, bits)
		m.KMOVW(bits.As32(), tailMask)
		return
	}
	base := m.GP64()
	m.LEAQ(operand.NewDataAddr(tailSymbol, 0), base)
	m.NEGQ(n)
	m.lanes = m.YMM()
	m.VMOVDQU(operand.Mem{Base: base, Index: n, Scale: 4, Disp: 8 * 4}, m.lanes)
}

func (m *machine) here(p reg.GPVirtual) operand.Mem {
	return operand.Mem{Base: p, Index: m.index, Scale: 4, Disp: m.disp}
}

// load reads the vector in work from a slice; lanes beyond a tail are zero.
func (m *machine) load(p reg.GPVirtual) reg.VecVirtual { return m.loadMem(m.here(p)) }

func (m *machine) loadMem(at operand.Mem) reg.VecVirtual {
	v := m.vec()
	switch {
	case !m.masked:
		m.VMOVUPS(at, v)
	case m.avx512():
		m.VMOVUPS_Z(at, tailMask, v)
	default:
		m.VMASKMOVPS(at, m.lanes, v)
	}
	return v
}

// store writes the vector in work to a slice, without touching what is beyond a tail.
func (m *machine) store(v reg.VecVirtual, p reg.GPVirtual) {
	switch {
	case !m.masked:
		m.VMOVUPS(v, m.here(p))
	case m.avx512():
		m.VMOVUPS(v, tailMask, m.here(p))
	default:
		m.VMASKMOVPS(v, m.lanes, m.here(p))
	}
}

// clip makes the lanes beyond a tail zero.
func (m *machine) clip(v reg.VecVirtual) reg.VecVirtual {
	switch {
	case !m.masked:
	case m.avx512():
		m.VMOVAPS_Z(v, tailMask, v)
	default:
		m.VANDPS(m.lanes, v, v)
	}
	return v
}

// fill makes the lanes beyond a tail those of other.
func (m *machine) fill(v, other reg.VecVirtual) reg.VecVirtual {
	if !m.masked {
		return v
	}
	d := m.vec()
	if m.avx512() {
		m.VBLENDMPS(v, other, tailMask, d)
	} else {
		m.VBLENDVPS(m.lanes, v, other, d)
	}
	return d
}
