package pretrain

import (
	"context"
	"image"
	"runtime"
	"sync"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// example is an image with its captions.
type example struct {
	pixels   *image.NRGBA // nil until it is drawn
	captions []string
	class    int
	cells    []uint8 // class of every pixel, see [cells]
}

// pool is the training images, drawn as they are needed and then kept in 8 bits.
type pool struct {
	source *dataset.Dataset
	patch  int
	drawn  []example
}

func newPool(r Recipe) (*pool, error) {
	d, err := images(r, 0, r.Images)
	if err != nil {
		return nil, err
	}
	return &pool{d, r.Image.Patch, make([]example, d.Len())}, nil
}

func images(r Recipe, first, n int) (*dataset.Dataset, error) {
	return surfaces.New(surfaces.Config{Seed: r.Seed, First: first, N: n, Size: r.Image.Size})
}

// draw renders those of the images that are not there yet, on all processors.
func (p *pool) draw(ctx context.Context, wanted []int) error {
	var missing []int
	seen := map[int]bool{}
	for _, k := range wanted {
		if p.drawn[k].pixels == nil && !seen[k] {
			seen[k] = true
			missing = append(missing, k)
		}
	}
	errs := make([]error, len(missing))
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(missing))
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; i < len(missing) && ctx.Err() == nil; i += workers {
				s, err := p.source.Load(missing[i])
				if err != nil {
					errs[i] = err
					continue
				}
				p.drawn[missing[i]] = example{s.Pixels, s.Captions, s.Label, cells(s.Mask, p.patch)}
			}
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// draw renders images first..first+n of the recipe's seed.
func draw(ctx context.Context, r Recipe, first, n int) ([]example, error) {
	if n == 0 {
		return nil, nil
	}
	d, err := images(r, first, n)
	if err != nil {
		return nil, err
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	p := &pool{d, r.Image.Patch, make([]example, n)}
	return p.drawn, p.draw(ctx, all)
}
