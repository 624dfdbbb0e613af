package attack

import "slices"

// Needs says what an attack has to be told beside the images, through [Against] or [WithTask], and under which
// threat models it is defined.
type Needs struct {
	Head       bool // Task.Head and Task.Labels
	Image      bool // Task.Images: a target image
	Embedding  bool // Task.Embeddings: a target embedding
	Prototypes bool // Task.Prototypes

	// What is used when it is there, and missed by nobody when it is not.
	MayUseHead bool // the objective auto, hidden in attacks that take any
	MayMix     bool // Task.Mix

	Norms []Norm // in the order linf, l2, l1, l0, patch
}

// The parts that need something, by name. The rest of an expression is looked through for them.
var (
	needHead  = []string{"ce", "cw", "dlr", "dlr-t", "apgd-ce", "apgd-dlr", "apgd-t", "fab", "fab-t", "autoattack", "deepfool", "rays", "hopskipjump", "cascade"}
	needImage = []string{"match", "m-attack", "foa"}
)

// NeedsOf returns what a needs.
func NeedsOf(a Attack) Needs {
	c, err := parseCall(a.String())
	if err != nil {
		return Needs{} // an attack of the caller's own
	}
	n := Needs{Norms: normsOf(a)}
	c.needs(&n)
	return n
}

// normsOf asks the attack's own check about every norm.
func normsOf(a Attack) []Norm {
	p, ok := a.(interface{ perImage() *imagewise })
	if !ok {
		return []Norm{NormLinf} // universal attacks
	}
	check := p.perImage().check
	var out []Norm
	for _, n := range []Norm{NormLinf, NormL2, NormL1, NormL0, NormPatch} {
		if check == nil || check(nil, ThreatModel{Norm: n, Eps: NewRatio(1, 2)}, &settings{}) == nil {
			out = append(out, n)
		}
	}
	return out
}

func (c call) needs(n *Needs) {
	switch {
	case c.bare:
		return
	case slices.Contains(needHead, c.name):
		n.Head = true
	case slices.Contains(needImage, c.name):
		n.Image = true
	}
	switch c.name {
	case "embedding":
		target := c.value("target")
		n.Image, n.Embedding = n.Image || target == "image", n.Embedding || target == "embedding"
	case "pa-attack":
		n.Prototypes = n.Prototypes || c.value("lambda") != "0"
	case "auto":
		n.MayUseHead = true
	case "admix":
		n.MayMix = true
	}
	for _, a := range c.args {
		a.val.needs(n)
	}
}

// value returns the text of a parameter, "" where there is none.
func (c call) value(key string) string {
	for _, a := range c.args {
		if a.key == key {
			return a.val.String()
		}
	}
	return ""
}

// Together reports whether a seeks one perturbation for all images it is given, so that what it does to one
// depends on the others and a large set must not be handed over in parts.
func Together(a Attack) bool {
	_, ok := a.(*universal)
	return ok
}
