package attack

var _ = attacks.add("prm", "Patch Representation Misalignment, the released loss with a random start, momentum and the best iterate (arXiv 2403.12693)",
	func(a *Args) Attack {
		g := Gradient{Name: a.name, Objective: PRM{a.Text("layers", "all"), a.Choice("tokens", "all", "patch", "cls", "mean"), a.Floats("weights", "1")}}
		// A first step of ε that falls linearly, with little momentum, reached the largest values among step
		// sizes from ε/8 to ε and momenta from 0 to 1 on steel photographs with inspect-tiny.
		g.read(a, Gradient{Iters: 40, Alpha: Size{NewRatio(1, 1), true}, Step: Momentum{Mu: 0.75}, Schedule: Linear{0.05}, Patience: 10})
		return g.named(a)
	})
