package defense

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/internal/expr"
)

// PCAPatch projects every Patch×Patch×3 patch, at half-patch steps, on the mean and the leading principal components of
// patches of clean pictures, and averages where patches overlap (projection on natural-image components, as in Bhagoji et
// al., arXiv 1704.02654, and the PCA of image quilting, arXiv 1711.00117). An affine map with a symmetric linear part.
type PCAPatch struct {
	Components int // 1 … 3·Patch²−1
	Patch      int // side, even, 2…16 pixels
	mean       []float64
	basis      []float64 // Components × 3·Patch²
}

var _ = register("pca-patch", "pca-patch(components=32,patch=8): projection on principal components of clean patches (arXiv 1704.02654)",
	func(a *expr.Args, r Resources) (Defense, error) {
		p, err := NewPCAPatch(r.Clean, a.Integer("components", 32), a.Integer("patch", 8))
		if err != nil {
			return nil, err
		}
		return Purify(p), nil
	})

// maxPatches bounds the patches that NewPCAPatch learns from; more are thinned out evenly.
const maxPatches = 20000

// NewPCAPatch learns the components from clean pictures.
func NewPCAPatch(clean []*tensor.Dense, components, patch int) (*PCAPatch, error) {
	p := &PCAPatch{Components: components, Patch: patch}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	samples, err := p.samples(clean)
	if err != nil {
		return nil, err
	}
	d := 3 * patch * patch
	n := len(samples) / d
	if n <= components {
		return nil, fmt.Errorf("defense: pca-patch: %d patches in the clean pictures, more than %d components need more (Resources.Clean)", n, components)
	}
	p.mean = make([]float64, d)
	for i, v := range samples {
		p.mean[i%d] += v / float64(n)
	}
	for i := range samples {
		samples[i] -= p.mean[i%d]
	}
	x := mat.NewDense(n, d, samples)
	var cov mat.SymDense
	cov.SymOuterK(1/float64(n), x.T())
	var eig mat.EigenSym
	if !eig.Factorize(&cov, true) {
		return nil, errors.New("defense: pca-patch: the eigenvectors of the clean patches' covariance did not converge")
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors) // columns, eigenvalues ascending
	for k := range components {
		p.basis = append(p.basis, mat.Col(nil, d-1-k, &vectors)...)
	}
	return p, nil
}

// samples returns the patches of the pictures, row after row.
func (p *PCAPatch) samples(clean []*tensor.Dense) ([]float64, error) {
	pics, err := pictures(clean)
	if err != nil {
		return nil, fmt.Errorf("defense: pca-patch: clean picture: %w", err)
	}
	total := 0
	for _, pic := range pics {
		if pic.H >= p.Patch && pic.W >= p.Patch {
			total += len(starts(pic.H, p.Patch)) * len(starts(pic.W, p.Patch))
		}
	}
	every := max(1, (total+maxPatches-1)/maxPatches)
	var out []float64
	k := 0
	buf := make([]float64, 3*p.Patch*p.Patch)
	for _, pic := range pics {
		if pic.H < p.Patch || pic.W < p.Patch {
			continue
		}
		p.eachPatch(pic.H, pic.W, func(index []int) {
			if k++; k%every == 0 {
				for i, at := range index {
					buf[i] = float64(pic.Pix[at])
				}
				out = append(out, buf...)
			}
		})
	}
	return out, nil
}

// Traits says: not random, gradient exact.
func (*PCAPatch) Traits() Traits { return Traits{Name: "pca-patch", Surrogate: Exact} }

func (p *PCAPatch) String() string { return expr.Print("pca-patch", p.Components, p.Patch) }

// Validate reports a parameter out of range.
func (p *PCAPatch) Validate() error {
	if p.Patch%2 != 0 {
		return fmt.Errorf("defense: pca-patch: patch is %d, want an even number", p.Patch)
	}
	if err := expr.Outside("pca-patch", "patch", float64(p.Patch), 2, 16); err != nil {
		return err
	}
	return expr.Outside("pca-patch", "components", float64(p.Components), 1, float64(3*p.Patch*p.Patch-1))
}

// Purify implements [Purifier].
func (p *PCAPatch) Purify(src Picture, _ *rand.Rand) ([]View, error) {
	if p.basis == nil {
		return nil, errors.New("no components: make it with NewPCAPatch")
	}
	if src.H < p.Patch || src.W < p.Patch {
		return nil, fmt.Errorf("an image of %d×%d is smaller than a patch of %d", src.H, src.W, p.Patch)
	}
	out := src.like()
	sum := make([]float64, len(src.Pix))
	count := p.counts(src.H, src.W)
	p.project(sum, src.H, src.W, p.mean, func(i int) float64 { return float64(src.Pix[i]) })
	for i, v := range sum {
		out.Pix[i] = float32(v / count[i])
	}
	pull := func(dsrc, dout []float32) {
		g := make([]float64, len(dsrc))
		p.project(g, src.H, src.W, nil, func(i int) float64 { return float64(dout[i]) / count[i] })
		addTo(dsrc, g)
	}
	return []View{{Picture: out, Pull: pull}}, nil
}

// project adds to sum, for every patch x, its projection mean + BᵀB(x − mean); mean may be nil for zero.
func (p *PCAPatch) project(sum []float64, h, w int, mean []float64, at func(i int) float64) {
	d := 3 * p.Patch * p.Patch
	x := make([]float64, d)
	p.eachPatch(h, w, func(index []int) {
		for i, k := range index {
			x[i] = at(k)
			if mean != nil {
				x[i] -= mean[i]
				sum[k] += mean[i]
			}
		}
		for c := range p.Components {
			b := p.basis[c*d : (c+1)*d]
			dot := 0.0
			for i, v := range b {
				dot += v * x[i]
			}
			for i, k := range index {
				sum[k] += dot * b[i]
			}
		}
	})
}

// counts returns how many patches cover each sample.
func (p *PCAPatch) counts(h, w int) []float64 {
	c := make([]float64, 3*h*w)
	p.eachPatch(h, w, func(index []int) {
		for _, k := range index {
			c[k]++
		}
	})
	return c
}

// eachPatch visits the patches by the indices of their samples.
func (p *PCAPatch) eachPatch(h, w int, visit func(index []int)) {
	index := make([]int, 0, 3*p.Patch*p.Patch)
	for _, y0 := range starts(h, p.Patch) {
		for _, x0 := range starts(w, p.Patch) {
			index = index[:0]
			for c := range 3 {
				for y := y0; y < y0+p.Patch; y++ {
					for x := x0; x < x0+p.Patch; x++ {
						index = append(index, (c*h+y)*w+x)
					}
				}
			}
			visit(index)
		}
	}
}

// starts returns where patches begin on a side of n samples: every half patch, and flush with the end.
func starts(n, patch int) []int {
	var s []int
	for i := 0; i < n-patch; i += patch / 2 {
		s = append(s, i)
	}
	return append(s, n-patch)
}
