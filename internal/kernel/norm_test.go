package kernel

import (
	"math"
	"testing"
)

// normCase holds the operands of a normalisation in both widths.
type normCase struct{ x, dy, gamma, beta, add []float32 }

func newNormCase(elements, weights int, shift float32) normCase {
	c := normCase{random(1, elements), random(2, elements), random(3, weights), random(4, weights), random(5, elements)}
	for i := range c.x {
		c.x[i] = 2*c.x[i] + shift
	}
	return c
}

func TestLayerNormAgainstTheReference(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		for _, n := range lengths[1:] {
			const rows, eps = 3, 1e-5
			c := newNormCase(rows*n, n, 3)
			for k := range 4 {
				gamma, beta, add := c.gamma, c.beta, c.add
				if k&1 == 1 {
					gamma, add = nil, nil
				}
				if k&2 == 2 {
					beta = nil
				}
				y, mean, rstd := make([]float32, rows*n), make([]float32, rows), make([]float32, rows)
				want, wm, ws := make([]float64, rows*n), make([]float64, rows), make([]float64, rows)
				LayerNorm(y, c.x, gamma, beta, mean, rstd, rows, n, eps)
				layerNormReference(want, wide(c.x), wide(gamma), wide(beta), wm, ws, rows, n, float64(float32(eps)))
				if n > 1 {
					near(t, "LayerNorm", y, want, 4e-6, 1e-5)
					near(t, "rstd", rstd, ws, 0, 1e-5)
				}
				near(t, "mean", mean, wm, 1e-6, 1e-6)
				alone := append([]float32(nil), c.x...)
				LayerNorm(alone, alone, gamma, beta, nil, nil, rows, n, eps)
				sameBits(t, "LayerNorm in place without statistics", alone, y)

				dx := append([]float32(nil), c.dy...)
				LayerNormGrad(dx, dx, c.x, gamma, mean, rstd, add, rows, n)
				layerNormGradReference(want, wide(c.dy), wide(c.x), wide(gamma), wide(mean), wide(rstd), wide(add), rows, n)
				near(t, "LayerNormGrad", dx, want, 4e-6*float64(1+rstd[0]), 1e-5)
				dg, db := append([]float32(nil), c.gamma...), append([]float32(nil), c.beta...)
				wdg, wdb := wide(dg), wide(db)
				LayerNormWeightGrad(dg, db, c.dy, c.x, mean, rstd, rows, n)
				layerNormWeightGradReference(wdg, wdb, wide(c.dy), wide(c.x), wide(mean), wide(rstd), rows, n)
				near(t, "LayerNormWeightGrad gamma", dg, wdg, 1e-6*float64(1+rstd[0]), 1e-6)
				near(t, "LayerNormWeightGrad beta", db, wdb, 1e-6, 1e-6)
				if add != nil {
					into := append([]float32(nil), add...)
					LayerNormGrad(into, c.dy, c.x, gamma, mean, rstd, into, rows, n)
					sameBits(t, "LayerNormGrad into add", into, dx)
				}
			}
		}
	})
}

func TestLayerNormRowsDoNotDependOnEachOther(t *testing.T) {
	onEveryCPU(t, func(t *testing.T) {
		const rows, n = 4, 53
		c := newNormCase(rows*n, n, 0)
		c.x[2*n+52] = float32(math.NaN())
		y, one := make([]float32, rows*n), make([]float32, rows*n)
		LayerNorm(y, c.x, c.gamma, c.beta, nil, nil, rows, n, 1e-5)
		for r := range rows {
			LayerNorm(one[r*n:], c.x[r*n:], c.gamma, c.beta, nil, nil, 1, n, 1e-5)
			if bad := y[r*n] != y[r*n]; bad != (r == 2) {
				t.Fatalf("row %d is NaN: %v", r, bad)
			}
		}
		near(t, "row by row", one, wide(y), 0, 0)
	})
}

func TestNormGradients(t *testing.T) {
	const groups, channels, plane, eps = 2, 6, 4, 1e-5
	const rows, n = 2, 12
	c := newNormCase(rows*n, n, 1)
	x, dy, gamma, beta, add := wide(c.x), wide(c.dy), wide(c.gamma), wide(c.beta), wide(c.add)
	y, dx := make([]float64, rows*n), make([]float64, rows*n)
	mean, rstd := make([]float64, rows), make([]float64, rows)
	dg, db := make([]float64, n), make([]float64, n)
	for _, op := range []struct {
		name    string
		forward func()
		grad    func()
		weights int
	}{
		{"LayerNorm", func() { layerNormReference(y, x, gamma, beta, mean, rstd, rows, n, eps) }, func() {
			layerNormGradReference(dx, dy, x, gamma, mean, rstd, add, rows, n)
			layerNormWeightGradReference(dg, db, dy, x, mean, rstd, rows, n)
		}, n},
		{"RMSNorm", func() { rmsNormReference(y, x, gamma, rstd, rows, n, eps) }, func() {
			rmsNormGradReference(dx, dy, x, gamma, rstd, add, rows, n)
			rmsNormWeightGradReference(dg, dy, x, rstd, rows, n)
		}, n},
		{"GroupNorm", func() { groupNormReference(y, x, gamma, beta, mean, rstd, groups, channels, plane, eps) }, func() {
			groupNormGradReference(dx, dy, x, gamma, mean, rstd, add, groups, channels, plane)
			groupNormWeightGradReference(dg, db, dy, x, mean, rstd, groups, channels, plane)
		}, channels},
	} {
		clear(dg)
		clear(db)
		op.forward()
		op.grad()
		loss := func() float64 { op.forward(); return weighted(dy, y) + weighted(add, x) }
		checkGradient(t, op.name+" x", x, dx, loss)
		checkGradient(t, op.name+" gamma", gamma[:op.weights], dg[:op.weights], loss)
		if op.name != "RMSNorm" {
			checkGradient(t, op.name+" beta", beta[:op.weights], db[:op.weights], loss)
		}
	}
}

func TestNormsInFloat32(t *testing.T) { onEveryCPU(t, normsInFloat32) }

func normsInFloat32(t *testing.T) {
	const groups, channels, plane, rows, n, eps = 3, 6, 35, 3, 70, 1e-6
	c := newNormCase(rows*n, n, 1)
	y, dx, mean, rstd := make([]float32, rows*n), make([]float32, rows*n), make([]float32, rows), make([]float32, rows)
	want, wm, ws := make([]float64, rows*n), make([]float64, rows), make([]float64, rows)
	dg, db := append([]float32(nil), c.gamma...), append([]float32(nil), c.beta...)
	wdg, wdb := wide(dg), wide(db)

	RMSNorm(y, c.x, c.gamma, rstd, rows, n, eps)
	rmsNormReference(want, wide(c.x), wide(c.gamma), ws, rows, n, eps)
	near(t, "RMSNorm", y, want, 1e-6, 1e-6)
	RMSNormGrad(dx, c.dy, c.x, c.gamma, rstd, c.add, rows, n)
	rmsNormGradReference(want, wide(c.dy), wide(c.x), wide(c.gamma), ws, wide(c.add), rows, n)
	near(t, "RMSNormGrad", dx, want, 1e-6, 1e-6)
	RMSNormWeightGrad(dg, c.dy, c.x, rstd, rows, n)
	rmsNormWeightGradReference(wdg, wide(c.dy), wide(c.x), ws, rows, n)
	near(t, "RMSNormWeightGrad", dg, wdg, 1e-5, 1e-6)

	GroupNorm(y, c.x, c.gamma, c.beta, mean, rstd, groups, channels, plane, eps)
	groupNormReference(want, wide(c.x), wide(c.gamma), wide(c.beta), wm, ws, groups, channels, plane, eps)
	near(t, "GroupNorm", y, want, 1e-6, 1e-6)
	GroupNormGrad(dx, c.dy, c.x, c.gamma, mean, rstd, nil, groups, channels, plane)
	groupNormGradReference(want, wide(c.dy), wide(c.x), wide(c.gamma), wm, ws, nil, groups, channels, plane)
	near(t, "GroupNormGrad", dx, want, 1e-6, 1e-6)

	LayerNorm(y, c.x, c.gamma, c.beta, mean, rstd, rows, n, eps)
	copy(wdg, wide(dg))
	LayerNormWeightGrad(dg, db, c.dy, c.x, mean, rstd, rows, n)
	layerNormWeightGradReference(wdg, wdb, wide(c.dy), wide(c.x), wide(mean), wide(rstd), rows, n)
	near(t, "LayerNormWeightGrad gamma", dg, wdg, 1e-5, 1e-6)
	near(t, "LayerNormWeightGrad beta", db, wdb, 1e-5, 1e-6)
	LayerNormWeightGrad(nil, nil, c.dy, c.x, mean, rstd, rows, n)
}
