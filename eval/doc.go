// Package eval measures what an attack on an encoder does to the systems that stand on it.
//
// A [Plan] names the attacked encoder, the systems, the images, the attacks and their budgets. [Run]
// crafts every adversarial image from the encoder alone, saves it as an 8-bit PNG, reads the file back,
// and judges the file: its distance from the clean image, its tokens, and every system's answer. The
// judge shares no code with the attacks. Each finished (image, attack) is one line of a [Journal], and
// [Assemble] turns journals into a report without anything else, so that an interrupted run continues
// where it stopped and shards join into the report that one run would have given.
package eval
