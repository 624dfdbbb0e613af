package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// weightedVectors is how many vectors of the result are worked on side by side, so that their chains of sums overlap.
const weightedVectors = 4

// weighted writes the sums of weighted rows. Products and sums are rounded one by one, as the loops in Go round them.
func weighted(m *machine) {
	const signature = "func(y, x, w *float32, stride, rows, n int)"
	m.kernel("", "weighted", "Weighted", signature, "computes y = Σ w·x over rows stride bytes apart, one row after another.", func() {
		weightedLoops(m, func(vectors int) { weightedSum(m, vectors) })
	})
	m.kernel("", "weightedFours", "WeightedFours", signature, "computes y = Σ w·x over rows stride bytes apart, four rows at a time.", func() {
		weightedLoops(m, func(vectors int) { weightedFours(m, vectors) })
	})
}

// weightedState are the registers of a sum.
type weightedState struct {
	at, stride, w, left reg.GPVirtual
	acc                 []vector
}

// weightedLoops runs body on the columns of y: several vectors at a time, then one, then the tail.
func weightedLoops(m *machine, body func(vectors int)) {
	once := func(vectors int) func(u int) {
		return func(u int) {
			if u == 0 {
				body(vectors)
			}
		}
	}
	n := m.pointer("n")
	m.index = m.GP64()
	m.XORQ(m.index, m.index)
	m.loop(n, weightedVectors, once(weightedVectors))
	m.loop(n, 1, once(1))
	done := m.label("done")
	m.TESTQ(n, n)
	m.JZ(operand.LabelRef(done))
	m.setTail(n)
	m.masked = true
	body(1)
	m.masked = false
	m.Label(done)
}

// begin points at the first row and starts the sums at 0.
func begin(m *machine, vectors int) weightedState {
	s := weightedState{at: m.GP64(), stride: m.GP64(), w: m.GP64(), left: m.GP64()}
	x := m.pointer("x")
	m.LEAQ(operand.Mem{Base: x, Index: m.index, Scale: 4}, s.at)
	m.MOVQ(m.address(m.Param("stride")), s.stride)
	m.MOVQ(m.address(m.Param("w")), s.w)
	m.MOVQ(m.address(m.Param("rows")), s.left)
	for range vectors {
		s.acc = append(s.acc, m.zero())
	}
	return s
}

// vector loads vector v of the row.
func (s *weightedState) vector(m *machine, v int) vector {
	return m.loadMem(operand.Mem{Base: s.at, Disp: v * m.wide * 4})
}

// weight loads the row's weight into every lane.
func (s *weightedState) weight(m *machine) vector {
	f := m.vec()
	m.VBROADCASTSS(operand.Mem{Base: s.w}, f)
	return f
}

// next goes to the next row.
func (s *weightedState) next(m *machine) {
	m.ADDQ(s.stride, s.at)
	m.ADDQ(operand.Imm(4), s.w)
}

// one adds the row.
func (s *weightedState) one(m *machine) {
	f := s.weight(m)
	for v, acc := range s.acc {
		m.VADDPS(m.mul(f, s.vector(m, v)), acc, acc)
	}
	s.next(m)
}

// rest adds the rows that are left, one after another.
func (s *weightedState) rest(m *machine) {
	top, end := m.label("row"), m.label("rows")
	m.TESTQ(s.left, s.left)
	m.JZ(operand.LabelRef(end))
	m.Label(top)
	s.one(m)
	m.DECQ(s.left)
	m.JNZ(operand.LabelRef(top))
	m.Label(end)
}

// write stores the sums.
func (s *weightedState) write(m *machine) {
	y := m.pointer("y")
	disp := m.disp
	for v, acc := range s.acc {
		m.disp = v * m.wide * 4
		m.store(acc, y)
	}
	m.disp = disp
}

func weightedSum(m *machine, vectors int) {
	s := begin(m, vectors)
	s.rest(m)
	s.write(m)
}

// weightedFours starts at -0, which the first four do not change, unless there are none.
func weightedFours(m *machine, vectors int) {
	s := begin(m, vectors)
	top, end := m.label("four"), m.label("fours")
	m.SUBQ(operand.Imm(4), s.left)
	m.JL(operand.LabelRef(end))
	minus := m.pattern(signBits)
	for _, acc := range s.acc {
		m.VMOVAPS(minus, acc)
	}
	m.Label(top)
	sums := make([]vector, vectors)
	for k := range 4 {
		f := s.weight(m)
		for v := range s.acc {
			p := m.mul(f, s.vector(m, v))
			if k == 0 {
				sums[v] = p
			} else {
				m.VADDPS(p, sums[v], sums[v])
			}
		}
		s.next(m)
	}
	for v, acc := range s.acc {
		m.VADDPS(sums[v], acc, acc)
	}
	m.SUBQ(operand.Imm(4), s.left)
	m.JGE(operand.LabelRef(top))
	m.Label(end)
	m.ADDQ(operand.Imm(4), s.left)
	s.rest(m)
	s.write(m)
}
