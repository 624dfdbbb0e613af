package attack

// Attacks on tokens and features, one objective each.
var (
	_ = attacks.add("veattack", "VEAttack: cosine of the last block's patch tokens, 100 sign steps of 1/255 (arXiv 2505.17440)", func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: PRM{a.Text("layers", "last"), a.Choice("tokens", "patch", "all", "cls"), nil}}
		g.read(a, Gradient{Iters: 100, Alpha: Size{NewRatio(1, 255), false}, Step: Velocity{0.9}, Select: "last"})
		return g.named(a)
	})
	_ = attacks.add("dr", "dispersion reduction by PGD with momentum (arXiv 1911.11616)", func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: Dispersion{a.Text("layers", "all"), a.Choice("sign", "reduce", "released") == "released"}}
		g.read(a, Gradient{Iters: 40, Alpha: Size{NewRatio(1, 1), true}, Step: Momentum{Mu: 0.75}, Schedule: Linear{0.05}})
		return g.named(a)
	})
	_ = attacks.add("nrdm", "representation distortion: squared distance of all layers (arXiv 1811.09020)", func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: NRDM{a.Text("layers", "all")}}
		g.read(a, Gradient{Iters: 40, Alpha: Size{NewRatio(1, 1), true}, Step: Momentum{Mu: 0.75}, Schedule: Linear{0.05}})
		return g.named(a)
	})
	_ = attacks.add("v-attack", "value features of attention, after V-Attack (arXiv 2511.20223)", func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: Values{a.Text("blocks", "last"), a.Choice("enhance", "true", "false") == "true"}}
		g.read(a, Gradient{Iters: 100, Alpha: Size{NewRatio(1, 255), false}, Step: Momentum{Mu: 0.9}})
		return g.named(a)
	})
	_ = attacks.add("m-attack", "crops matched to crops of a target image, 300 steps of 1/255 (M-Attack, arXiv 2503.10635)", func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: Embedding{"cosine", "image"}}
		g.read(a, Gradient{Iters: 300, Alpha: Size{NewRatio(1, 255), false}, Transform: Crop{0.5, 0.9}, Reference: refOwn, Select: "last", Init: AtClean{}})
		return g.named(a)
	})
	_ = attacks.add("foa", "crops matched to a target image globally and by token clusters, after FOA-Attack (arXiv 2505.21494)", func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: Match{a.Int("clusters", 10, 1), a.Float("lambda", 1, 0, 100), a.Float("reg", 0.1, 1e-3, 10)}}
		g.read(a, Gradient{Iters: 300, Alpha: Size{NewRatio(1, 255), false}, Transform: Crop{0.5, 0.9}, Reference: refOwn, Select: "last", Init: AtClean{}})
		return g.named(a)
	})
)
