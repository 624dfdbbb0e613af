package detect

import (
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/defense/defensetest"
)

func TestParse(t *testing.T) {
	r := Resources{Encoder: defensetest.NewLinear(1), Second: defensetest.NewLinear(2), Clean: pictures(12, 30), Seed: 4}
	img := []*tensor.Dense{pictures(1, 1)[0]}
	for _, text := range []string{"feature-squeezing", "feature-squeezing(gaussian(2),noise(8/255)+median(3))", "noise-drift", "noise-drift(0.1,2)",
		"token-consistency(2,tokens)", "token-knn(tap=tokens)", "token-knn(1,5,tokens)", "mahalanobis(tokens)", "disagreement"} {
		d, err := Parse(t.Context(), text, r)
		if err != nil {
			t.Error(text, err)
			continue
		}
		again, err := Parse(t.Context(), d.String(), r)
		if err != nil || again.String() != d.String() {
			t.Errorf("%s prints as %s, which gives %v (%v)", text, d, again, err)
			continue
		}
		a, err := d.Scores(t.Context(), img)
		if err != nil {
			t.Fatal(text, err)
		}
		if b, err := again.Scores(t.Context(), img); err != nil || a[0] != b[0] {
			t.Errorf("%s scores %g, read again %g (%v)", text, a[0], b[0], err)
		}
	}
	for text, want := range map[string]string{"lid": "known: ", "": "name is missing", "disagreement+disagreement": "one detector", "token-knn(0,5,tokens)": "k = 0",
		"noise-drift(1,2,3)": "one too many", "feature-squeezing(blur)": `"blur" is unknown`, "mahalanobis(tokens+nowhere)": "nowhere", "token-consistency(x)": "integer"} {
		if _, err := Parse(t.Context(), text, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse(t.Context(), "noise-drift", Resources{}); err == nil {
		t.Error("no encoder accepted")
	}
	if _, err := Parse(t.Context(), "disagreement", Resources{Encoder: r.Encoder}); err == nil || !strings.Contains(err.Error(), "second") {
		t.Errorf("no second encoder: %v", err)
	}
	for _, e := range List() {
		if e.Doc == "" {
			t.Errorf("%s is not documented", e.Name)
		}
	}
}
