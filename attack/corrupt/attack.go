package corrupt

import (
	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/attack"
)

func init() {
	attack.Register("corrupt", "a corruption of ImageNet-C or of the inspection set (arXiv 1903.12261); it keeps to no ε, so run it at ε = 1", func(a *attack.Args) attack.Attack {
		var names []string
		for _, c := range List() {
			names = append(names, c.Name)
		}
		name := a.Choice("name", names...)
		severity := int(a.Choice("severity", "3", "1", "2", "4", "5")[0] - '0')
		o, seed := a.Objective("objective", "prm"), a.Seed()
		c := find(name)
		return attack.Change(a.String(), o, func(image *tensor.Dense) (*tensor.Dense, error) { return c.Apply(image, severity, seed) })
	})
}
