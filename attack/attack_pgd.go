package attack

// Embedding-space baselines. Without labels, PGD and its relatives attack the pooled embedding's cosine.
var (
	_ = attacks.add("pgd", "projected gradient descent with a random start (Madry et al., arXiv 1706.06083), by default on the embedding's cosine",
		func(a *Args) Attack {
			g := Gradient{Name: a.name, Objective: a.Objective("objective", "embedding")}
			g.read(a, Gradient{Iters: 40})
			return g.named(a)
		})
	_ = attacks.add("embedding", "PGD with momentum on the pooled embedding, untargeted or to a target (arXiv 2305.16934)",
		func(a *Args) Attack {
			g := Gradient{Name: a.name, Objective: Embedding{a.Choice("distance", "cosine", "l2"), a.Choice("target", "none", "image", "embedding")}}
			g.read(a, Gradient{Iters: 40, Alpha: Size{NewRatio(1, 1), true}, Step: Momentum{Mu: 0.75}, Schedule: Linear{0.05}})
			return g.named(a)
		})
)
