// Package expr turns a loss written with Gorgonia into an attack objective: name the taps, build a scalar
// from their nodes, and the gradient comes by symbolic differentiation.
//
//	o := expr.New("distance", []encoder.Tap{encoder.Tokens}, func(adv, clean []*gorgonia.Node) (*gorgonia.Node, error) {
//		d, err := gorgonia.Sub(adv[0], clean[0])
//		if err != nil {
//			return nil, err
//		}
//		return expr.Mean(gorgonia.Square(d))
//	})
//
// Every image has a graph, a loss and a tape machine of its own, and values are read only through
// gorgonia.Read: other ways of reading a node, a second gradient on one graph, weights shared between
// machines, and the Lisp machine's gradients are not reliable in Gorgonia 0.9.18. Its symbolic gradient of
// InverseSqrt is wrong as well; write 1/√x as a division.
package expr
