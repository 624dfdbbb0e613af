package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// constants are the numbers the kernels use, each stored eight times: AVX2 reads it as a vector, AVX-512 broadcasts
// the first. Bit patterns are stored as integers, because the assembler takes no NaN or negative zero.
type constants struct {
	at    map[uint32]int
	order []uint32
}

const constantBytes = 8 * 4

var (
	constantSymbol = operand.NewStaticSymbol("elemConstants")
	tailSymbol     = operand.NewStaticSymbol("elemTail")
	lanesSymbol    = operand.NewStaticSymbol("elemLanes")
)

// bits returns where a bit pattern is stored.
func (c *constants) bits(b uint32) operand.Mem {
	i, known := c.at[b]
	if !known {
		i = len(c.order)
		c.at[b] = i
		c.order = append(c.order, b)
	}
	return operand.NewDataAddr(constantSymbol, i*constantBytes)
}

func (c *constants) float(v float64) operand.Mem { return c.bits(math.Float32bits(float32(v))) }

func (c *constants) emit(ctx *build.Context) {
	ctx.StaticGlobal(constantSymbol.Name)
	ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	for i, b := range c.order {
		for j := range 8 {
			ctx.AddDatum(i*constantBytes+j*4, operand.U32(b))
		}
	}
	// Eight set and eight clear words: read at word 8-n, they are AVX2's mask of the first n lanes.
	ctx.StaticGlobal(tailSymbol.Name)
	ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	for j := range 16 {
		v := uint32(0)
		if j < 8 {
			v = math.MaxUint32
		}
		ctx.AddDatum(j*4, operand.U32(v))
	}
	// The numbers of eight lanes, once and doubled.
	ctx.StaticGlobal(lanesSymbol.Name)
	ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	for j := range 16 {
		ctx.AddDatum(j*4, operand.U32(j%8*(1+j/8)))
	}
}
