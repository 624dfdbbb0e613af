// Package alarm measures detectors of adversarial pictures: how well they find an attack that knows nothing of them, and
// what is left against one that avoids them.
//
// Most published detectors fell to the second kind (Carlini and Wagner, arXiv 1705.07263; Tramer et al., arXiv 2002.08347),
// so [Measure] always runs both. What an operator cares about is the share of pictures on which the system is wrong and
// nobody notices.
package alarm
