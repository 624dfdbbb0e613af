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
	unroll             int
	prologue, epilogue func(f *family, rows int)
	step               func(f *family, rows, i int, a func(r int) operand.Mem)
	prefetch           func(f *family, rows int)
	bStep              int
}

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
	f.SUBQ(operand.Imm(uint64(f.unroll)), count)
	f.JLT(operand.LabelRef(label + "tail"))
	f.Label(label + "loop")
	f.prefetch(f, rows)
	f.steps(trans, rows, f.unroll)
	f.SUBQ(operand.Imm(uint64(f.unroll)), count)
	f.JGE(operand.LabelRef(label + "loop"))
	f.Label(label + "tail")
	f.ADDQ(operand.Imm(uint64(f.unroll)), count)
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
		f.step(f, rows, i, func(r int) operand.Mem {
			if trans == "t" {
				return transposed(i).Offset(4 * r)
			}
			return row(r).Offset(4 * i)
		})
	}
	f.ADDQ(operand.I32(64*n), b)
	if trans == "t" {
		if n == 4 {
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

// transposed is the address of the i-th of four steps of a transposed A.
func transposed(i int) operand.Mem {
	switch i {
	case 0:
		return operand.Mem{Base: a0}
	case 3:
		return operand.Mem{Base: a0, Index: lda3, Scale: 1}
	}
	return operand.Mem{Base: a0, Index: lda, Scale: uint8(i)}
}

// row is the address of a row of A: three bases and two strides reach fourteen of them.
func row(r int) operand.Mem {
	base := []reg.Register{a0, a5, a10}
	at := func(i int, index reg.Register, scale uint8) operand.Mem {
		return operand.Mem{Base: base[i], Index: index, Scale: scale}
	}
	switch r {
	case 0, 5, 10:
		return operand.Mem{Base: base[r/5]}
	case 1, 2, 4:
		return at(0, lda, uint8(r))
	case 3:
		return at(0, lda3, 1)
	case 6, 7, 9:
		return at(1, lda, uint8(r-5))
	case 8:
		return at(1, lda3, 1)
	case 11, 12:
		return at(2, lda, uint8(r-10))
	case 13:
		return at(2, lda3, 1)
	}
	panic("no such row")
}
