package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/plumbline-ml/plumbline/internal/kernel/_asm/emit"
)

// General registers, the same in all kernels of amd64. AX, BX and CX are free until the sums are done.
var (
	tile  = reg.RDI // *gemmTile
	a0    = reg.RSI // row 0 of A at the current k; with A transposed the row k
	a5    = reg.R8  // row 5
	a10   = reg.R9  // row 10
	lda   = reg.R10 // stride of A
	lda3  = reg.R11 // three times that
	b     = reg.RDX // first panel at the current k
	panel = reg.R12 // distance of the second panel
	next  = reg.R13 // line to prefetch for the next strip
	count = reg.RCX
	free0 = reg.RAX
	free1 = reg.RBX
)

// family is the set of micro-kernels of one tile width: one per height and orientation of A.
type family struct {
	*build.Context
	name               string
	height             int // tallest tile
	wide               int // vectors per row
	panels             int // panels per row
	prologue, epilogue func(f *family, rows int)
	load               func(f *family, i int)                // reads the row of B of step i
	multiply           func(f *family, r int, a operand.Mem) // adds an element of A times that row to row r of the sums
}

// unroll is how many steps of k the main loop does at a time; near is how far ahead, in bytes, the panels are brought
// into the first-level cache.
const (
	unroll = 4
	near   = 1024
)

// field is a field of the tile.
func field(off int) operand.Mem { return operand.Mem{Base: tile, Disp: off} }

// emit writes the function: it branches on orientation and height to a loop over k.
func (f *family) emit(doc string) {
	emit.BeginStruct(f.Context, f.name, "gemmTile", doc)
	f.Load(f.Param("t"), tile)
	f.MOVQ(field(offA), a0)
	f.MOVQ(field(offB), b)
	f.MOVQ(field(offPanel), panel)
	f.MOVQ(field(offNext), next)
	f.MOVQ(field(offLda), lda)
	f.LEAQ(operand.Mem{Base: lda, Index: lda, Scale: 2}, lda3)
	f.MOVQ(field(offRows), free0)
	f.CMPQ(field(offTransA), operand.Imm(0))
	f.JNE(operand.LabelRef("t"))
	f.branch("n", f.height)
	f.Label("t")
	f.branch("t", f.height)
	for _, trans := range []string{"n", "t"} {
		for rows := f.height; rows > 0; rows-- {
			f.kernel(trans, rows)
		}
	}
	f.RET()
}

// branch jumps to the kernel of the height in free0.
func (f *family) branch(trans string, height int) {
	for rows := height; rows > 1; rows-- {
		f.CMPQ(free0, operand.Imm(uint64(rows)))
		f.JEQ(operand.LabelRef(fmt.Sprintf("%s%d", trans, rows)))
	}
	f.JMP(operand.LabelRef(trans + "1"))
}

// kernel writes the code of one height.
func (f *family) kernel(trans string, rows int) {
	label := fmt.Sprintf("%s%d", trans, rows)
	f.Label(label)
	f.prologue(f, rows)
	f.MOVQ(field(offK), count)
	if trans == "n" {
		f.bases(rows)
	}
	f.SUBQ(operand.Imm(uint64(unroll)), count)
	f.JLT(operand.LabelRef(label + "tail"))
	f.Label(label + "loop")
	f.steps(trans, rows, unroll)
	f.SUBQ(operand.Imm(uint64(unroll)), count)
	f.JGE(operand.LabelRef(label + "loop"))
	f.Label(label + "tail")
	f.ADDQ(operand.Imm(uint64(unroll)), count)
	f.JEQ(operand.LabelRef(label + "done"))
	f.Label(label + "one")
	f.steps(trans, rows, 1)
	f.SUBQ(operand.Imm(1), count)
	f.JNE(operand.LabelRef(label + "one"))
	f.Label(label + "done")
	f.epilogue(f, rows)
	f.RET()
}

// bases computes the addresses of rows 5 and 10 where the height needs them.
func (f *family) bases(rows int) {
	if rows > 5 {
		f.LEAQ(operand.Mem{Base: a0, Index: lda, Scale: 4}, a5)
		f.ADDQ(lda, a5)
	}
	if rows > 10 {
		f.LEAQ(operand.Mem{Base: a5, Index: lda, Scale: 4}, a10)
		f.ADDQ(lda, a10)
	}
}

// steps writes n steps of k and moves the pointers on.
func (f *family) steps(trans string, rows, n int) {
	for i := range n {
		f.load(f, i)
		var due []func()
		if n == unroll {
			due = f.prefetches(i)
		}
		for r := range rows {
			a := row(r, i)
			if trans == "t" {
				a = transposed(r, i)
			}
			f.multiply(f, r, a)
			for j, prefetch := range due {
				if r == (j+1)*rows/(len(due)+1) {
					prefetch()
				}
			}
		}
	}
	f.ADDQ(operand.I32(64*n), b)
	if trans == "t" {
		if n == unroll {
			f.LEAQ(operand.Mem{Base: a0, Index: lda, Scale: 4}, a0)
		} else {
			f.ADDQ(lda, a0)
		}
		return
	}
	for i, base := range []reg.GPPhysical{a0, a5, a10} {
		if rows > 5*i {
			f.ADDQ(operand.Imm(uint64(4*n)), base)
		}
	}
}

// prefetches are what step i of the main loop brings in: the lines that a step near bytes later reads and, once in
// the loop, one line per panel of the next strip. They are spread among the rows so that they do not queue.
func (f *family) prefetches(i int) []func() {
	var due []func()
	for p := range f.panels {
		due = append(due, func() { f.PREFETCHT0(inPanel(b, p, near+64*i)) })
		if i == 2*p+1 {
			due = append(due, func() { f.PREFETCHT1(inPanel(next, p, 0)) })
		}
	}
	if i == unroll-1 {
		due = append(due, func() { f.ADDQ(operand.Imm(64), next) })
	}
	return due
}

// inPanel is an address in the first or second panel.
func inPanel(base reg.Register, p, disp int) operand.Mem {
	m := operand.Mem{Base: base, Disp: disp}
	if p == 1 {
		m.Index, m.Scale = panel, 1
	}
	return m
}

// transposed is the address of element r of the i-th of four steps of a transposed A.
func transposed(r, i int) operand.Mem {
	m := operand.Mem{Base: a0, Disp: 4 * r}
	switch i {
	case 1, 2:
		m.Index, m.Scale = lda, uint8(i)
	case 3:
		m.Index, m.Scale = lda3, 1
	}
	return m
}

// row is the address of step i in row r of A: three bases and two strides reach fourteen rows.
func row(r, i int) operand.Mem {
	m := operand.Mem{Base: []reg.Register{a0, a5, a10}[r/5], Disp: 4 * i}
	switch r % 5 {
	case 1, 2, 4:
		m.Index, m.Scale = lda, uint8(r%5)
	case 3:
		m.Index, m.Scale = lda3, 1
	}
	return m
}
