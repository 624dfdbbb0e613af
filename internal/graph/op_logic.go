package graph

// Logic combines booleans: "and", "or", "xor" of two inputs, "not" of one.
type Logic struct{ Fn string }

func (o Logic) String() string { return o.Fn }

func (o Logic) Infer(in []*Value) ([]Type, error) {
	if len(in) == 1 {
		return []Type{{Bool, in[0].Shape}}, nil
	}
	shape, err := BroadcastShape(in[0].Shape, in[1].Shape)
	return []Type{{Bool, shape}}, err
}

func (o Logic) Bind(b *Binder, in, out []*Tensor) func() {
	z := out[0]
	sx := broadcastStrides(in[0].Shape, z.Shape)
	sy := broadcastStrides(in[len(in)-1].Shape, z.Shape)
	return func() {
		eachIndex(z.Shape, func(i int, idx []int) {
			z.I[i] = 0
			if o.holds(truth(in[0], dot(idx, sx)), truth(in[len(in)-1], dot(idx, sy))) {
				z.I[i] = 1
			}
		})
	}
}

func (o Logic) holds(a, b bool) bool {
	switch o.Fn {
	case "and":
		return a && b
	case "or":
		return a || b
	case "xor":
		return a != b
	}
	return !a
}
