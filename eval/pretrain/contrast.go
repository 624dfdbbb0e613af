package pretrain

import "math"

// contrast is the symmetric contrastive loss of CLIP (Radford et al., arXiv 2103.00020, figure 3) with
// every caption that reads the same counted as right (Yang et al., UniCL, arXiv 2204.03610, equation 4):
// the mean of the cross-entropies of images over captions and of captions over images at logits
// scale·cos. It returns the sum over the batch, and the gradients at the unnormalised embeddings and at
// the logarithm of the scale.
func contrast(image, text [][]float32, same func(i, j int) bool, scale float64) (loss float64, dImage, dText [][]float32, dScale float64) {
	n := len(image)
	v, vn := normalised(image)
	t, tn := normalised(text)
	logits, right := square(n), square(n)
	for i := range n {
		for j := range n {
			logits[i][j] = scale * dot(v[i], t[j])
			if same(i, j) {
				right[i][j] = 1
			}
		}
	}
	d := square(n) // gradient at the logits
	for i := range n {
		loss += crossEntropy(n, func(j int) (z, want *float64) { return &logits[i][j], &right[i][j] }, func(j int, g float64) { d[i][j] += g })
		loss += crossEntropy(n, func(j int) (z, want *float64) { return &logits[j][i], &right[j][i] }, func(j int, g float64) { d[j][i] += g })
	}
	for i := range n {
		for j := range n {
			dScale += d[i][j] * logits[i][j]
		}
	}
	dImage = backNormalised(v, vn, func(i, k int) (sum float64) {
		for j := range n {
			sum += d[i][j] * scale * t[j][k]
		}
		return sum
	})
	dText = backNormalised(t, tn, func(j, k int) (sum float64) {
		for i := range n {
			sum += d[i][j] * scale * v[i][k]
		}
		return sum
	})
	return loss, dImage, dText, dScale
}

// crossEntropy is half the cross-entropy of softmax(z) with targets in equal shares, and its gradient.
func crossEntropy(n int, at func(j int) (z, want *float64), grad func(j int, g float64)) (loss float64) {
	top, total := math.Inf(-1), 0.0
	for j := range n {
		z, want := at(j)
		top = math.Max(top, *z)
		total += *want
	}
	sum := 0.0
	for j := range n {
		z, _ := at(j)
		sum += math.Exp(*z - top)
	}
	for j := range n {
		z, want := at(j)
		logp, share := *z-top-math.Log(sum), *want/total
		loss -= share * logp / 2
		grad(j, (math.Exp(logp)-share)/2)
	}
	return loss
}

func square(n int) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, n)
	}
	return out
}

func dot(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

// normalised gives rows of unit length and the lengths they had.
func normalised(rows [][]float32) (unit [][]float64, norm []float64) {
	unit, norm = make([][]float64, len(rows)), make([]float64, len(rows))
	for i, r := range rows {
		for _, x := range r {
			norm[i] += float64(x) * float64(x)
		}
		norm[i] = math.Max(math.Sqrt(norm[i]), 1e-12)
		unit[i] = make([]float64, len(r))
		for k, x := range r {
			unit[i][k] = float64(x) / norm[i]
		}
	}
	return unit, norm
}

// backNormalised takes the gradient at unit rows, given element by element, to the rows themselves.
func backNormalised(unit [][]float64, norm []float64, at func(i, k int) float64) [][]float32 {
	out := make([][]float32, len(unit))
	for i, u := range unit {
		g, along := make([]float64, len(u)), 0.0
		for k := range u {
			g[k] = at(i, k)
			along += g[k] * u[k]
		}
		out[i] = make([]float32, len(u))
		for k := range u {
			out[i][k] = float32((g[k] - along*u[k]) / norm[i])
		}
	}
	return out
}
