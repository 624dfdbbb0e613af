package encoder

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/resample"
)

// AtSize returns the encoder for images of exactly h×w pixels; see [Resizer]. Pixels to the right of and
// below the last whole patch are not seen. PRM's released code attacks images this way.
func (m *Model) AtSize(h, w int) (Encoder, error) {
	p := max(m.spec.Patch, 1)
	gh, gw := h/p*p, w/p*p
	if gh == 0 || gw == 0 {
		return nil, fmt.Errorf("encoder: %s: %d×%d pixels hold no patch of %d", m.spec.Name, h, w, p)
	}
	inner, err := m.atGrid(gh, gw)
	if err != nil {
		return nil, err
	}
	r := inner.share()
	r.programs = nil
	r.at = inner
	r.plan = func(ph, pw int) (*Plan, error) {
		if ph != h || pw != w {
			return nil, fmt.Errorf("an image of %d×%d pixels for an encoder set to %d×%d", ph, pw, h, w)
		}
		return cornerPlan(m.spec.Preproc, h, w, gh, gw)
	}
	return r, nil
}

// atGrid is the model for an input of whole patches, built once.
func (m *Model) atGrid(h, w int) (*Model, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uses++
	if s := m.sized[[2]int{h, w}]; s != nil {
		s.lastUse = m.uses
		m.trimSized(s)
		return s, nil
	}
	s, err := m.refitted(h, w)
	if err != nil {
		return nil, fmt.Errorf("encoder: %s at %d×%d: %w", m.spec.Name, h, w, err)
	}
	s.weights = m.weights
	s.spec.Name = m.spec.Name
	s.spec.Preproc = m.spec.Preproc
	s.spec.Preproc.Resize, s.spec.Preproc.Crop = [2]int{}, [2]int{}
	s.lastUse = m.uses
	m.sized[[2]int{h, w}] = s
	m.trimSized(s)
	return s, nil
}

// idleLimit bounds the bytes of working memory that models at other sizes keep for later. Attacks that
// rescale at random pass through many sizes.
const idleLimit = 1 << 30

// trimSized drops idle memory, that of the size used longest ago first, until what is kept is within the
// limit. The size in use keeps its own.
func (m *Model) trimSized(current *Model) {
	for {
		total := 0
		var oldest *Model
		for _, s := range m.sized {
			n := s.idleBytes()
			total += n
			if s != current && n > 0 && (oldest == nil || s.lastUse < oldest.lastUse) {
				oldest = s
			}
		}
		if total <= idleLimit || oldest == nil {
			return
		}
		oldest.dropIdle()
	}
}

// idleBytes is the working memory that the model's programs keep while nothing runs.
func (m *Model) idleBytes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	total := 0
	for _, p := range m.programs {
		total += p.idleStates() * p.engine.Arena()
	}
	return total
}

func (m *Model) dropIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.programs {
		p.drop()
	}
}

// cornerPlan normalises and keeps the h×w pixels at the top left.
func cornerPlan(p Preprocess, srcH, srcW, h, w int) (*Plan, error) {
	y, err := resample.PIL(resample.Nearest, srcH, srcH, 0, h)
	if err != nil {
		return nil, err
	}
	x, err := resample.PIL(resample.Nearest, srcW, srcW, 0, w)
	if err != nil {
		return nil, err
	}
	pl := &Plan{resize: resample.NewSeparable(x, y)}
	for c := range 3 {
		pl.scale[c] = float32(1 / p.Std[c])
		pl.shift[c] = float32(-p.Mean[c] / p.Std[c])
	}
	return pl, nil
}
