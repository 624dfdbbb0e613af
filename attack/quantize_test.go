package attack

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuantizeFile saves adversarial images at the very edge of ε and measures the files.
func TestQuantizeFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, text := range []string{"8/255", "1/255", "0.03", "7.9/255", "1"} {
		eps, err := ParseEps(strings.Replace(text, "7.9/255", "79/2550", 1))
		if err != nil {
			t.Fatal(err)
		}
		clean := randomImage(rng, 9, 7, true)
		tm := Linf(eps)
		ball := mustBall(t, tm, clean)
		adv := randomImage(rng, 9, 7, false)
		ball.Project(floats(adv))
		q, err := Quantize(tm, 0, clean, adv)
		if err != nil {
			t.Fatal(err)
		}
		if !ball.Contains(floats(q)) {
			t.Errorf("ε %s: the rounded image is outside", eps)
		}
		for i, v := range floats(q) {
			k, _ := level(floats(clean)[i])
			want := min(max(int(math.RoundToEven(float64(floats(adv)[i])*255)), k-eps.Levels()), k+eps.Levels())
			if got, ok := level(v); !ok || got != want {
				t.Fatalf("ε %s: value %d is level %d, want %d", eps, i, got, want)
			}
		}
		d, err := Measure8(saveAndRead(t, clean), saveAndRead(t, q))
		if err != nil || d.Linf > eps.Levels() || d.Linf == 0 {
			t.Errorf("ε %s: the files differ by %+v, %v; want at most %d levels", eps, d, err, eps.Levels())
		}
	}
}

func saveAndRead(t *testing.T, x interface{ Data() any }) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.png")
	data := x.Data().([]float32)
	if err := WritePNG(path, newImage(data, 9, 7)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestQuantizeBetweenLevels rounds images whose clean source is not on the 8-bit grid.
func TestQuantizeBetweenLevels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, text := range []string{"8/255", "0.5/255", "1/255", "0.004"} {
		eps, err := ParseRatio(strings.Replace(text, "0.5/255", "1/510", 1))
		if err != nil {
			t.Fatal(err)
		}
		clean, adv := randomImage(rng, 6, 6, false), randomImage(rng, 6, 6, false)
		tm := Linf(eps)
		mustBall(t, tm, clean).Project(floats(adv))
		q, err := Quantize(tm, 0, clean, adv)
		if err != nil {
			t.Fatalf("ε %s: %v", eps, err)
		}
		e := newBound(eps)
		for i, v := range floats(q) {
			k, _ := level(v)
			a := float64(floats(adv)[i]) * 255
			for j := range 256 {
				if e.coversLevel(floats(clean)[i], j) && math.Abs(float64(j)-a) < math.Abs(float64(k)-a)-1e-9 {
					t.Fatalf("ε %s: value %d became level %d, but %d is allowed and nearer to %v", eps, i, k, j, a)
				}
			}
			if !e.coversLevel(floats(clean)[i], k) {
				t.Fatalf("ε %s: value %d became level %d, outside", eps, i, k)
			}
		}
	}
	clean := newImage([]float32{0.501, 0.501, 0.501}, 1, 1)
	if _, err := Quantize(Linf(NewRatio(1, 10000)), 0, clean, clean); err == nil || !strings.Contains(err.Error(), "no 8-bit level") {
		t.Errorf("a pixel with no level inside ε: %v", err)
	}
}

func TestMeasure8(t *testing.T) {
	a, b := image.NewNRGBA(image.Rect(0, 0, 2, 2)), image.NewNRGBA(image.Rect(3, 3, 5, 5))
	for y := range 2 {
		for x := range 2 {
			a.Set(x, y, color.NRGBA{10, 20, 30, 255})
			b.Set(3+x, 3+y, color.NRGBA{10, 20, 30, 255})
		}
	}
	b.Set(4, 3, color.NRGBA{13, 20, 26, 255})
	d, err := Measure8(a, b)
	if want := (Difference8{4, 7, 25, 1}); err != nil || d != want {
		t.Errorf("%+v, %v; want %+v", d, err, want)
	}
	b.Set(4, 4, color.NRGBA{1, 2, 3, 200})
	if _, err := Measure8(a, b); err == nil || !strings.Contains(err.Error(), "not opaque") {
		t.Errorf("a transparent pixel: %v", err)
	}
	if _, err := Measure8(a, image.NewNRGBA(image.Rect(0, 0, 2, 3))); err == nil {
		t.Error("different sizes are no error")
	}
	if _, err := Measure8(a, image.NewRGBA64(image.Rect(0, 0, 2, 2))); err == nil {
		t.Error("a transparent 16-bit image is no error")
	}
}

func TestWritePNGLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	if err := WritePNG(filepath.Join(dir, "x.png"), newImage([]float32{0.1234, 0, 0}, 1, 1)); err == nil {
		t.Error("a value between levels was written")
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%v left behind", files)
	}
	if err := WritePNG(filepath.Join(dir, "missing", "x.png"), newImage([]float32{0, 0, 0}, 1, 1)); err == nil {
		t.Error("a missing folder is no error")
	}
}
