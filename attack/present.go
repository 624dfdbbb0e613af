package attack

import "context"

// present offers x, whose value and verdict are those of p's last evaluation, or, if it lies outside the
// threat model, its projection, evaluated anew. Attacks that search for the smallest perturbation hand
// out their points in this way: what counts is what is left of them inside ε.
func (j *job) present(ctx context.Context, p *problem, x, scratch []float32, v float64, r, k int) error {
	copy(scratch, x)
	fooled := p.fooled()
	if !j.ball.Contains(x) {
		j.ball.Project(scratch)
		var err error
		if v, err = p.value(ctx, scratch); err != nil {
			return err
		}
		fooled = p.fooled()
	}
	return j.visit(scratch, v, fooled, r, k)
}

// presentInside is present for attacks that count queries: a point outside the threat model is not
// offered, and the best so far (or the clean image) is shown in its place.
func (j *job) presentInside(x []float32, v float64, fooled bool, k int) error {
	if j.ball.Contains(x) {
		return j.visit(x, v, fooled, 0, k)
	}
	if err := j.checkFinite(v, nil, k); err != nil {
		return err
	}
	if j.best != nil {
		return j.emit(0, k, j.out.Value, j.best)
	}
	return j.emit(0, k, v, j.x0)
}
