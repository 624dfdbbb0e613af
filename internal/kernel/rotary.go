package kernel

// Rotate computes y = x∘c + x'∘s for one row, where x' is x with the partners of each pair exchanged:
// neighbours, or, if half, entry i of either half (rotary position embedding, Su et al., arXiv 2104.09864).
// All have the same even length; y is not x.
func Rotate[T Float](y, x, c, s []T, half bool) {
	if half {
		h := len(x) / 2
		rotateHalves(y[:h], y[h:], x[:h], x[h:], c, s)
		return
	}
	y, c, s = y[:len(x)], c[:len(x)], s[:len(x)]
	for i := 1; i < len(x); i += 2 {
		a, b := x[i-1], x[i]
		y[i-1] = T(a*c[i-1]) + T(b*s[i-1])
		y[i] = T(b*c[i]) + T(a*s[i])
	}
}

func rotateHalves[T Float](u, v, a, b, c, s []T) {
	h := len(a)
	u, v, b = u[:h], v[:h], b[:h]
	c0, c1, s0, s1 := c[:h], c[h:][:h], s[:h], s[h:][:h]
	for i, p := range a {
		q := b[i]
		u[i] = T(p*c0[i]) + T(q*s0[i])
		v[i] = T(q*c1[i]) + T(p*s1[i])
	}
}
