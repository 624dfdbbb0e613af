package graph

import (
	"sync"

	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Weights keeps the packed form of constant matrices, shared by every program of one model.
type Weights struct {
	mu     sync.Mutex
	packed map[packKey]*kernel.PackedB
}

type packKey struct {
	data  *float32
	k, n  int
	trans bool
}

// NewWeights returns an empty store.
func NewWeights() *Weights { return &Weights{packed: map[packKey]*kernel.PackedB{}} }

// Pack returns w as a k×n right-hand matrix, packed once. With trans, w is stored n×k.
func (s *Weights) Pack(w []float32, k, n int, trans bool) *kernel.PackedB {
	key := packKey{&w[0], k, n, trans}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.packed[key]
	if p == nil {
		ld := n
		if trans {
			ld = k
		}
		p = kernel.Pack(w, k, n, ld, trans)
		s.packed[key] = p
	}
	return p
}
