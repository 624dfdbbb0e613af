package attack

var _ = attacks.add("prm", "Patch Representation Misalignment, the released loss with a random start, momentum and the best iterate (arXiv 2403.12693)",
	func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: PRM{a.Text("layers", "all"), a.Choice("tokens", "all", "patch", "cls"), a.Floats("weights", "1")}}
		g.read(a, Gradient{Iters: 40, Alpha: Size{NewRatio(1, 4), true}, Step: Momentum{Mu: 1}, Schedule: Linear{0.1}, Patience: 10})
		return g.named(a)
	})
