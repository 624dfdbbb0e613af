package report

import "slices"

// Tag is an entry of a public catalogue of threats or weaknesses.
type Tag struct {
	Key       string // unique, as used in Finding.Tags
	Catalogue string
	Title     string
	URL       string
}

const (
	atlas = "MITRE ATLAS"
	nist  = "NIST AI 100-2 E2025"
	owasp = "OWASP ML Security Top 10 (2023)"
	cwe   = "CWE"
)

// Tags lists every entry that findings refer to, by catalogue.
var Tags = []Tag{
	{"AML.T0043", atlas, "Craft Adversarial Data", "https://atlas.mitre.org/techniques/AML.T0043"},
	{"AML.T0043.000", atlas, "Craft Adversarial Data: White-Box Optimization", "https://atlas.mitre.org/techniques/AML.T0043.000"},
	{"AML.T0043.001", atlas, "Craft Adversarial Data: Black-Box Optimization", "https://atlas.mitre.org/techniques/AML.T0043.001"},
	{"AML.T0043.002", atlas, "Craft Adversarial Data: Black-Box Transfer", "https://atlas.mitre.org/techniques/AML.T0043.002"},
	{"AML.T0015", atlas, "Evade AI Model", "https://atlas.mitre.org/techniques/AML.T0015"},
	{"AML.T0005.002", atlas, "Create Proxy AI Model: Use Pre-Trained Model", "https://atlas.mitre.org/techniques/AML.T0005.002"},
	{"AML.T0044", atlas, "Full AI Model Access", "https://atlas.mitre.org/techniques/AML.T0044"},
	{"AML.T0040", atlas, "AI Model Inference API Access", "https://atlas.mitre.org/techniques/AML.T0040"},
	{"NISTAML.022", nist, "Evasion", "https://csrc.nist.gov/pubs/ai/100/2/e2025/final"},
	{"NISTAML.025", nist, "Black-box Evasion", "https://csrc.nist.gov/pubs/ai/100/2/e2025/final"},
	{"ML01:2023", owasp, "Input Manipulation Attack", "https://owasp.org/www-project-machine-learning-security-top-10/"},
	{"ML07:2023", owasp, "Transfer Learning Attack", "https://owasp.org/www-project-machine-learning-security-top-10/"},
	{"CWE-1039", cwe, "Inadequate Detection or Handling of Adversarial Input Perturbations in Automated Recognition Mechanism", "https://cwe.mitre.org/data/definitions/1039.html"},
}

// FindTag returns the entry with the given key.
func FindTag(key string) (Tag, bool) {
	i := slices.IndexFunc(Tags, func(t Tag) bool { return t.Key == key })
	if i < 0 {
		return Tag{}, false
	}
	return Tags[i], true
}

// TagsFor returns the keys that apply to success by an attack of the given kind and knowledge.
func TagsFor(kind, knowledge string) []string {
	keys := []string{"CWE-1039", "ML01:2023", "AML.T0015"}
	switch {
	case kind == "black-box":
		return append(keys, "AML.T0043.001", "AML.T0040", "NISTAML.025")
	case knowledge == "system":
		return append(keys, "AML.T0043.000", "AML.T0044", "NISTAML.022")
	case knowledge == "encoder":
		return append(keys, "ML07:2023", "AML.T0043.002", "AML.T0005.002", "NISTAML.025")
	}
	return append(keys, "AML.T0043", "NISTAML.022")
}
