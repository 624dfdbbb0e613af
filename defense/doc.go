// Package defense holds what the user of a shared encoder can put in front of it, behind it and beside it:
// purifiers of the input, test-time methods on the encoder, a monitor that decides image by image; packages guard,
// detect, certify and audit hold output guards, detectors, certificates and the monitor's log.
//
// A defended encoder is an [encoder.Encoder], so an attack runs against it as against any other. Its vector-Jacobian
// product is the gradient that an attacker who knows the defence would use ([Surrogate]), never the silence that a
// rounding or a sort leaves: a defence that only hides gradients looks here as weak as it is. Random defences draw
// from a [Stream] of the caller's, and [EOT] averages over draws.
//
// Athalye, Carlini, Wagner, "Obfuscated gradients give a false sense of security" (arXiv 1802.00420) define BPDA and
// EOT; Tramèr et al., "On adaptive attacks to adversarial example defenses" (arXiv 2002.08347) show their use.
package defense
