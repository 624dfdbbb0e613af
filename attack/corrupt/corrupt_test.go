package corrupt

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// scene is a picture with shading, edges and colour at any size.
func scene(h, w int) *tensor.Dense {
	x := make([]float32, 3*h*w)
	for i := range x {
		c, y, col := i/(h*w), float64(i%(h*w)/w)/float64(h), float64(i%w)/float64(w)
		v := 0.5 + 0.25*math.Sin(9*y+float64(c))*math.Cos(7*col)
		if math.Hypot(y-0.4, col-0.6) < 0.2 {
			v = 0.2 + 0.25*float64(c)
		}
		x[i] = float32(math.Round(v*255) / 255)
	}
	return tensor.New(tensor.WithShape(3, h, w), tensor.WithBacking(x))
}

func mse(a, b *tensor.Dense) float64 {
	s := 0.0
	for i, v := range a.Float32s() {
		d := float64(v) - float64(b.Float32s()[i])
		s += d * d
	}
	return s / float64(len(a.Float32s()))
}

func apply(t testing.TB, c Corruption, img *tensor.Dense, severity int, seed uint64) *tensor.Dense {
	t.Helper()
	out, err := c.Apply(img, severity, seed)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCorruptions(t *testing.T) {
	random := map[string]bool{"gaussian_noise": true, "shot_noise": true, "impulse_noise": true, "speckle_noise": true, "glass_blur": true, "motion_blur": true, "fog": true,
		"frost": true, "snow": true, "spatter": true, "elastic_transform": true, "glare": true, "dust": true, "scratch": true, "sensor_noise": true}
	img := scene(48, 40)
	before := img.Clone().(*tensor.Dense)
	for _, c := range List() {
		one, again, other := apply(t, c, img, 3, 1), apply(t, c, img, 3, 1), apply(t, c, img, 3, 2)
		if mse(one, again) != 0 {
			t.Errorf("%s: the same seed gives another image", c.Name)
		}
		if differs := mse(one, other) > 0; differs != random[c.Name] {
			t.Errorf("%s: another seed changes it: %v", c.Name, differs)
		}
		for _, v := range one.Float32s() {
			if k := math.Round(float64(v) * 255); v < 0 || v > 1 || float32(k/255) != v {
				t.Fatalf("%s: %v is no 8-bit level", c.Name, v)
			}
		}
		if mse(img, one) < 1e-6 {
			t.Errorf("%s does nothing", c.Name)
		}
		if mse(img, before) != 0 {
			t.Fatalf("%s wrote to its input", c.Name)
		}
		if c.Doc == "" {
			t.Errorf("%s has no description", c.Name)
		}
	}
}

// TestSeverity: over some seeds severity 5 damages more than 3, and 3 more than 1. ImageNet-C's glass,
// elastic and saturate change in kind rather than in amount, so only their ends are compared, or nothing.
func TestSeverity(t *testing.T) {
	img := scene(64, 64)
	for _, c := range List() {
		damage := func(severity int) (d float64) {
			for seed := range uint64(3) {
				d += mse(img, apply(t, c, img, severity, seed))
			}
			return d
		}
		a, b, e := damage(1), damage(3), damage(5)
		switch c.Name {
		case "elastic_transform", "saturate", "spatter", "glass_blur":
			continue
		case "snow", "frost":
			if e < a {
				t.Errorf("%s: severity 5 damages less (%v) than 1 (%v)", c.Name, e, a)
			}
			continue
		}
		if !(a < b && b < e) {
			t.Errorf("%s: severities 1, 3, 5 damage by %v, %v, %v", c.Name, a, b, e)
		}
	}
}

// TestSizeIndependence: the damage at twice the size is about the same.
func TestSizeIndependence(t *testing.T) {
	for _, c := range List() {
		damage := func(side int) (d float64) {
			img := scene(side, side)
			for seed := range uint64(4) {
				d += mse(img, apply(t, c, img, 4, seed))
			}
			return d
		}
		switch c.Name {
		case "glass_blur", "pixelate", "resampling": // they act on the pixel grid, which small images show
			continue
		}
		if a, b := damage(56), damage(112); a > 2.5*b || b > 2.5*a {
			t.Errorf("%s: at 56 pixels the damage is %v, at 112 %v", c.Name, a, b)
		}
	}
}

func TestCounts(t *testing.T) {
	n := map[Group]int{}
	for _, c := range List() {
		n[c.Group]++
		if f, err := Find(c.Name); err != nil || f.Name != c.Name {
			t.Errorf("%s is not found: %v", c.Name, err)
		}
	}
	if n[ImageNetC] != 19 || n[Inspection] < 8 {
		t.Errorf("%v corruptions", n)
	}
}

func TestErrors(t *testing.T) {
	c, err := Find("fog")
	if err != nil {
		t.Fatal(err)
	}
	bad := scene(4, 4)
	bad.Float32s()[20] = float32(math.NaN())
	for want, f := range map[string]func() error{
		"severity 6": func() error { _, err := c.Apply(scene(4, 4), 6, 0); return err },
		"severity 0": func() error { _, err := c.Apply(scene(4, 4), 0, 0); return err },
		"missing":    func() error { _, err := c.Apply(nil, 1, 0); return err },
		"want 3×H×W": func() error {
			_, err := c.Apply(tensor.New(tensor.WithShape(1, 4, 4), tensor.Of(tensor.Float32)), 1, 0)
			return err
		},
		"channel 1 at row 1": func() error { _, err := c.Apply(bad, 1, 0); return err },
		"no registered":      func() error { _, err := (Corruption{}).Apply(scene(4, 4), 1, 0); return err },
		"unknown":            func() error { _, err := Find("fogg"); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for _, c := range List() { // degenerate sizes must not panic
		for _, size := range [][2]int{{1, 1}, {1, 7}, {3, 2}} {
			apply(t, c, scene(size[0], size[1]), 5, 0)
		}
	}
}

// TestFilters checks blur kernels against their defining sums.
func TestFilters(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const h, w = 9, 7
	v := make([]float64, h*w)
	for i := range v {
		v[i] = rng.Float64()
	}
	kernel := disk(2.3)
	sum := 0.0
	for _, k := range kernel {
		sum += k.weight
	}
	got := convolve(v, h, w, kernel)
	for y := range h {
		for x := range w {
			want := 0.0
			for _, k := range kernel {
				want += k.weight / sum * v[reflect(y+k.dy, h)*w+reflect(x+k.dx, w)]
			}
			if math.Abs(got[y*w+x]-want) > 1e-12 {
				t.Fatalf("row %d, column %d: %v, want %v", y, x, got[y*w+x], want)
			}
		}
	}
	if area := sum; math.Abs(area-math.Pi*2.3*2.3) > 0.5 {
		t.Errorf("a disk of radius 2.3 has area %v", area)
	}
	flat := make([]float64, h*w)
	for i := range flat {
		flat[i] = 0.7
	}
	for _, out := range [][]float64{gauss(flat, h, w, 1.7), convolve(flat, h, w, trail(5, 2, 0.7)), zoom(flat, h, w, 1.3)} {
		for _, x := range out {
			if math.Abs(x-0.7) > 1e-12 {
				t.Fatalf("a flat plane becomes %v", x)
			}
		}
	}
	mean := 0.0
	for range 4000 {
		mean += poisson(rng, 3.5) / 4000
	}
	if math.Abs(mean-3.5) > 0.12 {
		t.Errorf("Poisson numbers of mean 3.5 have mean %v", mean)
	}
}
