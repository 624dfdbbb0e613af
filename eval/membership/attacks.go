package membership

// attacks are the membership attacks, in the order of a report.
var attacks = []attacker{
	{"gap", "a right label means member (Yeom et al., arXiv 1709.01604, §3)", gap},
	{"threshold", "the loss on the example (Yeom et al., arXiv 1709.01604)", threshold},
	{"lira-offline", "LiRA with shadow models that never saw the example (arXiv 2112.03570, §VI-A)", liraOffline},
	{"lira-online", "LiRA with shadow models with and without the example (arXiv 2112.03570, algorithm 1)", liraOnline},
	{LabelOnly, "how many views of the example keep its label (arXiv 2007.14321, §3.2)", labelOnly},
}

// LabelOnly is the name of the attack that no guard of scores can touch.
const LabelOnly = "label-only"

// attacker gives every example a score, larger meaning more likely a member of the target.
type attacker struct {
	name, doc string
	scores    func(s *shown, target int) []float64
}

// Attacks lists the attacks with a line about each.
func Attacks() [][2]string {
	var out [][2]string
	for _, a := range attacks {
		out = append(out, [2]string{a.name, a.doc})
	}
	return out
}

func each(s *shown, target int, score func(i int) float64) []float64 {
	out := make([]float64, len(s.phi[target]))
	for i := range out {
		out[i] = score(i)
	}
	return out
}

func gap(s *shown, target int) []float64 {
	return each(s, target, func(i int) float64 { return share(s.right[target][i][:1]) })
}

func threshold(s *shown, target int) []float64 {
	return each(s, target, func(i int) float64 { return s.phi[target][i][0] }) // orders as the loss −log p does
}

func labelOnly(s *shown, target int) []float64 {
	return each(s, target, func(i int) float64 { return share(s.right[target][i]) })
}

func share(right []bool) float64 {
	n := 0.0
	for _, r := range right {
		if r {
			n++
		}
	}
	return n / float64(len(right))
}
