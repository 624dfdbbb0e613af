package graph

import (
	"github.com/plumbline-ml/plumbline/internal/filemap"
	"github.com/plumbline-ml/plumbline/internal/kernel"
)

// scaledKey names a matrix with its rows or columns multiplied by a constant.
type scaledKey struct {
	packKey
	scale *float32
	by    Scaling
}

// packScaled is Pack for w with its rows or columns multiplied by scale. It is not brought up to date by Repack.
func (s *Weights) packScaled(w, scale []float32, k, n int, trans bool, by Scaling) *kernel.PackedB {
	key := scaledKey{packKey{&w[0], k, n, trans}, &scale[0], by}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.scaled[key]; ok {
		return p
	}
	if s.scaled == nil {
		s.scaled = map[scaledKey]*kernel.PackedB{}
	}
	s.fresh = true
	own := make([]float32, k*n)
	inner := trans == (by == scaledByRow) // the scale runs along the rows as stored
	for i := 0; i < len(own); i += key.stride() {
		from, to := w[i:i+key.stride()], own[i:i+key.stride()]
		for j, v := range from {
			f := i / len(from)
			if inner {
				f = j
			}
			to[j] = v * scale[f]
		}
	}
	filemap.Discard(w)
	s.scaled[key] = kernel.Pack(own, k, n, key.stride(), trans)
	return s.scaled[key]
}
