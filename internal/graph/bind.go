package graph

import "unsafe"

// Binder gives operators what they need beside their arrays: scratch memory, packed weights, and
// workers to share a loop with.
type Binder struct {
	Weights *Weights
	Workers Workers
	need    int
	scratch *[]float32
}

// Workers runs the parts of a loop on several goroutines.
type Workers interface {
	// Count is the number of parts that may run at once; each gets its own scratch.
	Count() int
	// Run calls body(worker, lo, hi) for ranges that cover 0..n, each at least grain long where n allows.
	Run(n, grain int, body func(worker, lo, hi int))
}

// NewBinder returns a binder that packs weights into w (nil: for one use only) and runs on the calling
// goroutine.
func NewBinder(w *Weights) *Binder {
	if w == nil {
		w = NewWeights()
	}
	return &Binder{Weights: w, Workers: serial{}, scratch: new([]float32)}
}

// Scratch reserves n floats for each worker and returns the accessor for use inside the bound function.
// All steps of one binder share the memory.
func (b *Binder) Scratch(n int) func(worker int) []float32 {
	n = (n + 15) &^ 15
	b.need = max(b.need, n)
	if total := b.need * b.Workers.Count(); total > len(*b.scratch) {
		*b.scratch = AlignedFloats(total)
	}
	s := b.scratch
	return func(worker int) []float32 { return (*s)[worker*n : (worker+1)*n] }
}

// AlignedFloats allocates n floats that start on a cache line.
func AlignedFloats(n int) []float32 {
	s := make([]float32, n+15)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(s)))%64) / 4
	return s[skip : skip+n : skip+n]
}

type serial struct{}

func (serial) Count() int                                      { return 1 }
func (serial) Run(n, grain int, body func(worker, lo, hi int)) { body(0, 0, n) }
