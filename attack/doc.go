// Package attack crafts adversarial images from a vision encoder.
//
// An attack is a small value made of parts: an [Objective] says what to make worse, an [Init] where to
// start, a [StepRule] and a [Schedule] how to move, a [Transform] what the image is put through inside
// the gradient. The [ThreatModel] is no part: it is the loop's invariant, enforced after every step and
// checked again on what is handed out. Everything prints the expression that rebuilds it ([Parse]).
//
// Images are 3×H×W float32 in [0,1] at source resolution, and every image is attacked on its own: its
// random numbers are keyed by (seed, image content, attack name, restart), so that batch size, order
// and worker count change no bit of a result.
//
//	a, err := attack.Parse("prm(steps=40)")
//	eps, err := attack.ParseEps("8/255")
//	res, err := a.Run(ctx, enc, images, attack.Linf(eps))
package attack
