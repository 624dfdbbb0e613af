package graph

import (
	"sync"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Weights keeps the packed form of constant matrices, shared by every program of one model.
type Weights struct {
	mu     sync.Mutex
	packed map[packKey]packed
}

type packKey struct {
	data  *float32
	k, n  int
	trans bool
}

// packed is a packed matrix and what it was packed from.
type packed struct {
	*kernel.PackedB
	from []float32
}

// NewWeights returns an empty store.
func NewWeights() *Weights { return &Weights{packed: map[packKey]packed{}} }

// Pack returns w as a k×n right-hand matrix, packed once. With trans, w is stored n×k.
func (s *Weights) Pack(w []float32, k, n int, trans bool) *kernel.PackedB {
	key := packKey{&w[0], k, n, trans}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.packed[key]
	if !ok {
		p = packed{kernel.Pack(w, k, n, key.stride(), trans), w}
		s.packed[key] = p
		filemap.Discard(w)
	}
	return p.PackedB
}

// Repack brings every packed matrix up to date after the constants' elements were changed. Nothing may
// run meanwhile.
func (s *Weights) Repack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, p := range s.packed {
		p.Repack(p.from, key.stride(), key.trans)
	}
}

// stride is the length of a row as stored.
func (k packKey) stride() int {
	if k.trans {
		return k.k
	}
	return k.n
}
