package pretrain

import (
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/tower"
	"github.com/plumbline-ml/plumbline/internal/train"
)

// Recipes are the models of the embedded family.
var Recipes = []Recipe{
	{
		Name:  "surfaces-tiny",
		Image: tower.Image{Size: 64, Patch: 8, Width: 128, Depth: 6, Heads: 2, Embed: 64},
		Text:  tower.Text{Width: 64, Depth: 2, Heads: 2, Embed: 64},
		Seed:  1, Images: 14000, Held: 350,
		Train: train.Config{Steps: 2400, Stop: 2000, Batch: 64, LR: 1e-3, Warmup: 100, Floor: 0.01, Decay: 0.1, Clip: 1, EMA: 0.995, Every: 400, Seed: 1},
	},
	{
		Name:  "surfaces-small",
		Image: tower.Image{Size: 96, Patch: 12, Width: 128, Depth: 6, Heads: 2, Embed: 64},
		Text:  tower.Text{Width: 64, Depth: 2, Heads: 2, Embed: 64},
		Seed:  2, Images: 14000, Held: 350, Dense: 1,
		Train: train.Config{Steps: 4000, Batch: 32, LR: 1e-3, Warmup: 100, Floor: 0.01, Decay: 0.1, Clip: 1, EMA: 0.995, Every: 400, Seed: 2},
	},
	{
		Name:  "surfaces-alt",
		Image: tower.Image{Size: 64, Patch: 8, Width: 96, Depth: 4, Heads: 3, Embed: 64},
		Text:  tower.Text{Width: 64, Depth: 2, Heads: 2, Embed: 64},
		Seed:  3, Images: 28000, Held: 350, Dense: 1,
		Train: train.Config{Steps: 2000, Batch: 32, LR: 1e-3, Warmup: 100, Floor: 0.01, Decay: 0.1, Clip: 1, EMA: 0.995, Every: 400, Seed: 3},
	},
}

// Find returns the recipe of that name.
func Find(name string) (Recipe, error) {
	var names []string
	for _, r := range Recipes {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Recipe{}, fmt.Errorf("pretrain: no recipe %q; there are %s", name, strings.Join(names, ", "))
}
