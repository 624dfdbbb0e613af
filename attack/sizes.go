package attack

import (
	"sync"

	"github.com/plumbline-ml/plumbline/encoder"
)

// sizes keeps an encoder's versions for other input sizes, shared by all images of a run.
type sizes struct {
	enc encoder.Encoder
	mu  sync.Mutex
	at  map[[2]int]sized
}

type sized struct {
	enc encoder.Encoder
	err error
}

// maxSizes bounds how many versions are kept at once.
const maxSizes = 64

func newSizes(enc encoder.Encoder) *sizes { return &sizes{enc: enc, at: map[[2]int]sized{}} }

// get returns the encoder at the largest input within h×w pixels that whole patches tile, and that
// input's size. A stride-p patch convolution without padding never reads the remainder strip at the
// right and bottom, so leaving it out changes nothing.
func (s *sizes) get(h, w int) (enc encoder.Encoder, hc, wc int, err error) {
	hc, wc = h, w
	if p := s.enc.Spec().Patch; p > 0 {
		hc, wc = max(h-h%p, p), max(w-w%p, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.at[[2]int{hc, wc}]
	if !ok {
		if len(s.at) >= maxSizes {
			clear(s.at)
		}
		e.enc, e.err = encoder.AtSize(s.enc, hc, wc)
		s.at[[2]int{hc, wc}] = e
	}
	return e.enc, hc, wc, e.err
}
