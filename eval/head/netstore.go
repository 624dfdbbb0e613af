package head

import "fmt"

// save adds a net's numbers to a state; its sizes belong into the head's configuration.
func (n *net) save(s *state, prefix string) {
	s.add(prefix+"mean", n.mean, len(n.mean))
	s.add(prefix+"invstd", n.invStd, len(n.invStd))
	for l, d := range n.layers {
		s.add(fmt.Sprint(prefix, "w", l), d.w, n.Sizes[l], n.Sizes[l+1])
		s.add(fmt.Sprint(prefix, "b", l), d.b, n.Sizes[l+1])
	}
}

// loadScaler reads what save wrote of a net without layers.
func loadScaler(s *state, width int) (*net, error) {
	mean, err := s.array("mean", width)
	if err != nil {
		return nil, err
	}
	invStd, err := s.array("invstd", width)
	if err != nil {
		return nil, err
	}
	return &net{Sizes: []int{width}, mean: mean.data, invStd: invStd.data}, nil
}

func loadNet(s *state, prefix string, sizes []int) (*net, error) {
	if err := checkSizes(sizes); err != nil {
		return nil, fmt.Errorf("head %s: %w", s.Name, err)
	}
	n := &net{Sizes: sizes}
	get := func(into *[]float32, name string, shape ...int) error {
		a, err := s.array(prefix+name, shape...)
		if err == nil {
			*into = a.data
		}
		return err
	}
	if err := get(&n.mean, "mean", sizes[0]); err != nil {
		return nil, err
	}
	if err := get(&n.invStd, "invstd", sizes[0]); err != nil {
		return nil, err
	}
	for l := range len(sizes) - 1 {
		var d dense
		if err := get(&d.w, fmt.Sprint("w", l), sizes[l], sizes[l+1]); err != nil {
			return nil, err
		}
		if err := get(&d.b, fmt.Sprint("b", l), sizes[l+1]); err != nil {
			return nil, err
		}
		n.layers = append(n.layers, d)
	}
	return n, nil
}
