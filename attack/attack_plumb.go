package attack

// plumb is our own attack on the encoder alone: Auto-PGD on [Pooled]. docs/reproductions.md compares it with prm,
// veattack, pa-attack and embedding at equal ε and equal gradients on the heads of magnetic tiles, and says where it
// loses. 39 steps take 40 gradients, as many as prm's 40 steps, since Auto-PGD looks at the start as well.
var _ = attacks.add("plumb", "our own: Auto-PGD on PRM and, beside it, the class token and the mean patch token of every layer and the embedding", func(a *Args) Attack {
	p := apgd{objective: Pooled{a.Float("weight", 0.5, 0, 100)}, targets: 1, steps: a.Int("steps", 39, 1),
		restarts: a.Int("restarts", 1, 1), copies: 1, rho: a.Float("rho", 0.75, 0, 1)}
	seed := a.Seed()
	return &imagewise{text: a.String(), label: a.name, seed: seed, craft: p.craft}
})
