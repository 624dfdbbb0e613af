package corrupt

import (
	"context"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/attack/attacktest"
)

// TestAttack runs a corruption by its expression: the image is that of Apply, and ε binds it.
func TestAttack(t *testing.T) {
	enc := attacktest.NewViT(1, 8, 8, 4, 6, 2, 5)
	img := scene(8, 8)
	a, err := attack.Parse("corrupt(name=contrast,severity=4,seed=3)")
	if err != nil {
		t.Fatal(err)
	}
	run := func(eps attack.Ratio) (*attack.Result, error) {
		return a.Run(context.Background(), enc, []*tensor.Dense{img}, attack.Linf(eps))
	}
	r, err := run(attack.NewRatio(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Find("contrast")
	if err != nil {
		t.Fatal(err)
	}
	if want := apply(t, c, img, 4, 3); !attacktest.Equal(r.Adv[0], want) {
		t.Error("the attack makes another image than Apply")
	}
	if _, err := run(attack.NewRatio(1, 255)); err == nil || !strings.Contains(err.Error(), "ε = 1") {
		t.Errorf("within one level: %v", err)
	}
	for _, text := range []string{"corrupt(name=frots)", "corrupt(severity=6)"} {
		if _, err := attack.Parse(text); err == nil {
			t.Errorf("%s parses", text)
		}
	}
}
