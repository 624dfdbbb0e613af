package attack

// transferAttack describes an attack of the classical transfer family: iterated steps of size ε/steps
// from the clean image (here: from a random start, where objectives that compare with the clean image
// have a gradient) with one part changed. Defaults are those of the papers; the number of steps and the
// step size are shared.
type transferAttack struct {
	name, doc string
	def       Gradient
}

// classical is the shared part: 10 steps, momentum 1, the last iterate.
func classical(change func(*Gradient)) Gradient {
	g := Gradient{Iters: 10, Alpha: Size{NewRatio(1, 10), true}, Step: Momentum{Mu: 1}, Select: "last", Reference: refFixed}
	change(&g)
	return g
}

var transferAttacks = []transferAttack{
	// A step of 2ε from anywhere in the ball ends in its corner, as one of ε from the clean image does.
	{"fgsm", "one step along the sign, to a corner of the L∞ ball (arXiv 1412.6572)", classical(func(g *Gradient) {
		g.Iters, g.Alpha, g.Step = 1, Size{NewRatio(2, 1), true}, Momentum{}
	})},
	{"mi", "momentum iterative attack (MI-FGSM, arXiv 1710.06081)", classical(func(*Gradient) {})},
	{"ni", "Nesterov iterative attack (NI-FGSM, arXiv 1908.06281)", classical(func(g *Gradient) { g.Step = Momentum{Mu: 1, Nesterov: true} })},
	{"vmi", "variance tuning attack (VMI-FGSM, arXiv 2103.15571)", classical(func(g *Gradient) { g.Step = VarianceTuned{1, 20, 1.5} })},
	{"di", "input diversity attack (DI-FGSM, arXiv 1803.06978)", classical(func(g *Gradient) { g.Transform = Diverse{1.1, 0.5} })},
	{"ti", "translation-invariant attack (TI-FGSM, arXiv 1904.02884)", classical(func(g *Gradient) { g.Transform = Translate{15} })},
	{"si", "scale-invariant attack (SI-FGSM, arXiv 1908.06281)", classical(func(g *Gradient) { g.Transform, g.Copies = Scales{}, 5 })},
	{"admix", "mixing in other images (Admix, arXiv 2102.00436)", classical(func(g *Gradient) { g.Transform, g.Copies = Admix{0.2, 5}, 15 })},
	{"ssa", "spectrum simulation attack (arXiv 2207.05382)", classical(func(g *Gradient) { g.Transform, g.Copies = Spectrum{16.0 / 255, 0.5}, 20 })},
	{"bsr", "block shuffle and rotation (arXiv 2308.10299)", classical(func(g *Gradient) { g.Transform, g.Copies = Blocks{3, 24}, 20 })},
}

// The transfer attacks act on the embedding's cosine unless told another objective.
var _ = func() struct{} {
	for _, t := range transferAttacks {
		attacks.add(t.name, t.doc, func(a *Args) Attack {
			g := Gradient{Name: a.name, Objective: a.Objective("objective", "embedding")}
			g.read(a, t.def)
			return g.named(a)
		})
	}
	return struct{}{}
}()
