// Package membership audits whether a model's answers tell which examples it was trained on, and what an output guard such
// as rounding changes about that.
//
// [Audit] trains several models on random halves of one pool of examples, so that members and non-members come from the
// same distribution: on mismatched ones every attack looks strong (Duan et al., arXiv 2402.07841, for language models; for
// CLIP most published success vanishes on a matched benchmark). Each model in turn is the target and the others are the
// attacker's shadow models. Attacks are judged by the area under the ROC curve and, since a leak that is certain about a few
// people matters more than a faint one about all, by the true-positive rate at false-positive rates of 1 % and 0.1 % (Carlini
// et al., arXiv 2112.03570, §III).
//
// A guard changes the scores that targets and shadow models show; labels stay. [LabelOnly] reads labels alone and is
// therefore what a guard has to be measured against: one that lowers only the attacks on scores hides them, no more
// (Choquette-Choo et al., arXiv 2007.14321).
package membership
