package graph

import (
	"sync"

	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// Weights keeps the packed form of constant matrices, and copies of other constants that lie in a mapped file, shared
// by every program of one model. What runs reads these alone: the file may go away.
type Weights struct {
	Check func() error // whether the constants' file was changed; nil without a file

	mu     sync.Mutex
	packed map[packKey]packed
	scaled map[scaledKey]*kernel.PackedB
	copies map[*float32][]float32
	fresh  bool // constants were read that Intact has not vouched for
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
func NewWeights() *Weights {
	return &Weights{packed: map[packKey]packed{}, copies: map[*float32][]float32{}}
}

// Settle replaces the constants among a node's inputs that lie in a mapped file by copies in memory, but for a matrix
// that the node packs.
func (s *Weights) Settle(op Op, in []*Tensor) {
	_, packs := op.(Linear)
	for i, t := range in {
		if t == nil || packs && i == 1 || !filemap.Mapped(t.F) {
			continue
		}
		own := *t
		own.F = s.copied(t.F)
		in[i] = &own
	}
}

// Intact reports whether the file was changed before everything taken from it so far had been read.
func (s *Weights) Intact() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fresh || s.Check == nil {
		return nil
	}
	err := s.Check()
	s.fresh = err != nil
	return err
}

// copied returns a copy of v, made once.
func (s *Weights) copied(v []float32) []float32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.copies[&v[0]]
	if len(c) < len(v) {
		s.fresh = true
		c = append([]float32(nil), v...)
		s.copies[&v[0]] = c
		filemap.Discard(v)
	}
	return c[:len(v):len(v)]
}

// Pack returns w as a k×n right-hand matrix, packed once. With trans, w is stored n×k.
func (s *Weights) Pack(w []float32, k, n int, trans bool) *kernel.PackedB {
	key := packKey{&w[0], k, n, trans}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.packed[key]
	if !ok {
		s.fresh = true
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
