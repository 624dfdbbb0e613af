package certify

// Certified is a picture's certificate beside the truth.
type Certified struct {
	Certificate
	Truth int `json:"truth"`
}

// AccuracyAt counts the pictures whose label is right and certified within at least the radius: the certified accuracy of
// arXiv 1902.02918, §4. At radius 0 it counts right labels that are certified at all; abstentions count as wrong.
func AccuracyAt(all []Certified, radius float64) (right int) {
	for _, c := range all {
		if c.Label != Abstain && c.Label == c.Truth && c.Radius >= radius {
			right++
		}
	}
	return right
}
