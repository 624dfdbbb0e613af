package main

import (
	"fmt"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

// openOrDraw opens the data set, or draws surfaces of size×size pixels where the path is surfaces:N or surfaces:N@SEED.
func (c dataConfig) openOrDraw(size int) (*dataset.Dataset, error) {
	spec, drawn := strings.CutPrefix(c.Path, "surfaces:")
	if !drawn {
		return c.open()
	}
	k := surfaces.Config{Seed: 1, Size: max(size, surfaces.MinSize)}
	if _, err := fmt.Sscanf(spec, "%d@%d", &k.N, &k.Seed); err != nil {
		if _, err := fmt.Sscanf(spec, "%d", &k.N); err != nil {
			return nil, usagef("--data %s: want surfaces:N or surfaces:N@SEED", c.Path)
		}
	}
	return surfaces.New(k)
}
