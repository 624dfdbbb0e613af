package attack

import (
	"fmt"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/encoder"
	"gorgonia.org/tensor"
)

// Match pulls an image to a target image, globally and token by token, after FOA-Attack (Jia et al.,
// arXiv 2505.21494): the cosine of the embeddings, minus Lambda times the optimal transport cost between
// the cluster means of the last block's patch tokens,
//
//	cos(f(x+δ), f(target)) − λ · min_T Σ T_ij (1 − cos(a_i, b_j)) + reg·Σ T_ij (log T_ij − 1),
//
// with marginals in proportion to the clusters' sizes, by Sinkhorn's iterations. Gradients take the
// clusters as they are; the plan's own change adds nothing at the optimum. It needs Task.Images.
type Match struct {
	Clusters int     // default 10
	Lambda   float64 // weight of the transport
	Reg      float64 // entropic regularisation; more than 0
}

var _ = objectives.add("match", "towards a target image: embedding cosine and optimal transport between token clusters (after FOA-Attack, arXiv 2505.21494)",
	func(a *Args) Objective {
		return Match{a.Int("clusters", 10, 1), a.Float("lambda", 1, 0, 100), a.Float("reg", 0.1, 1e-3, 10)}
	})

func (o Match) String() string {
	return expr("match", "clusters", o.Clusters, "lambda", o.Lambda, "reg", o.Reg)
}

// Bind implements Objective.
func (o Match) Bind(spec encoder.Spec, task *Task, i int) (Loss, error) {
	t, ok := perImage(task.Images, i)
	if !ok {
		return nil, fmt.Errorf("attack: %s needs a target image (Task.Images)", o)
	}
	if spec.Embedding == 0 {
		return nil, fmt.Errorf("attack: %s: %s has no pooled embedding", o, spec.Name)
	}
	return &matchLoss{Match: o, prefix: spec.Prefix(), target: t, taps: []encoder.Tap{encoder.Embedding, encoder.Tokens}}, nil
}

type matchLoss struct {
	Match
	prefix  int
	target  *tensor.Dense
	taps    []encoder.Tap
	ref     []*tensor.Dense
	centres [][]float32 // of the target
	share   []float64
}

func (l *matchLoss) Taps() (adv, ref []encoder.Tap) { return l.taps, l.taps }
func (l *matchLoss) Target() *tensor.Dense          { return l.target }

func (l *matchLoss) Reference(ref []*tensor.Dense) error {
	l.ref = ref
	rows, err := l.rows(ref[1])
	if err != nil {
		return err
	}
	var of []int
	l.centres, of = l.cluster(rows)
	l.share = shares(of, len(l.centres))
	return nil
}

// rows returns the patch tokens as views.
func (l *matchLoss) rows(t *tensor.Dense) ([][]float32, error) {
	v, err := view(t, "patch", l.prefix)
	if err != nil {
		return nil, err
	}
	rows := make([][]float32, 0, v.n())
	for k := v.lo; k < v.hi; k++ {
		rows = append(rows, floats(t)[k*v.row:][:v.d])
	}
	return rows, nil
}

// cluster runs k-means, always from the same random numbers.
func (l *matchLoss) cluster(rows [][]float32) ([][]float32, []int) {
	return kmeans(rows, min(l.Clusters, len(rows)), rand.New(rand.NewPCG(1, 2)))
}

// shares returns the share of points in every cluster.
func shares(of []int, k int) []float64 {
	s := make([]float64, k)
	for _, c := range of {
		s[c] += 1 / float64(len(of))
	}
	return s
}

func (l *matchLoss) Eval(adv, cot []*tensor.Dense) (float64, error) {
	var ge, gt *tensor.Dense
	if cot != nil {
		ge, gt = cot[0], cot[1]
		zero(floats(gt))
	}
	global, err := meanCosine(adv[0], l.ref[0], ge, "all", 0, 1)
	if err != nil || l.Lambda == 0 {
		return global, err
	}
	rows, err := l.rows(adv[1])
	if err != nil {
		return 0, err
	}
	centres, of := l.cluster(rows)
	share := shares(of, len(centres))
	cost := make([]float64, len(centres)*len(l.centres))
	for i, a := range centres {
		for j, b := range l.centres {
			cost[i*len(l.centres)+j] = 1 - cosine(a, b, nil, len(a), 1, 0)
		}
	}
	plan, local := sinkhorn(cost, share, l.share, l.Reg)
	if gt != nil {
		l.spread(gt, centres, of, share, plan)
	}
	return global - l.Lambda*local, nil
}

// spread writes the gradient of −λ·transport to the tokens, through the cluster means.
func (l *matchLoss) spread(gt *tensor.Dense, centres [][]float32, of []int, share, plan []float64) {
	d := len(centres[0])
	at := make([][]float32, len(centres))
	for i, a := range centres {
		at[i] = make([]float32, d)
		for j, b := range l.centres {
			cosine(a, b, at[i], d, 1, l.Lambda*plan[i*len(l.centres)+j])
		}
	}
	rows, _ := l.rows(gt)
	for k, row := range rows {
		n := share[of[k]] * float64(len(of))
		for c := range row {
			row[c] = float32(float64(at[of[k]][c]) / n)
		}
	}
}
