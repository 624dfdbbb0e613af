package lint

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"
)

// unwanted finds what ties the text to one machine or one moment: absolute paths of a workplace,
// hosts of package registries, work left for later. It is spelt so that it does not find itself.
var unwanted = regexp.MustCompile(`/wor[k]/|/far[m]/|/tm[p]/[a-z]+/|/hom[e]/[a-z]+/|proxy\.golan[g]\.org|registry\.npmj[s]|` +
	`\bTO[D]O\b|\bFIXM[E]\b|\bXX[X]\b|(?i:\bissue #?[0-9])`)

func TestWords(t *testing.T) {
	root := mustRoot(t)
	for _, name := range mustFiles(t, root, isText) {
		src, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if m := unwanted.Find(src); m != nil {
			t.Errorf("%s holds %q, which does not belong in the repository", name, m)
		}
	}
}

func isText(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".s", ".sh", ".yaml", ".yml", ".html", ".css", ".js", ".json", ".txt", ".mod":
		return true
	}
	return path.Dir(name) == ".ci"
}
