package defense_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/defense"
	"github.com/plumbline-ml/plumbline/defense/defensetest"
)

func resources() defense.Resources {
	var r defense.Resources
	for i := range 6 {
		r.Clean = append(r.Clean, defensetest.Picture(32, 32, uint64(100+i)))
	}
	return r
}

func parse(t testing.TB, expr string) defense.Defense {
	t.Helper()
	d, err := defense.Parse(expr, resources())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDefensesKeepTheirPromises(t *testing.T) {
	for expr, tol := range map[string]float64{
		"none": 0.005, "jpeg(75)": 0, "jpeg(40,soft)": 0, "bitdepth(4)": 0, "median(3)": 0.01, "median(2)": 0.01,
		"gaussian(1)": 0.005, "gaussian(0.4)": 0.005, "bilateral": 0.005, "bilateral(3,1,0.3)": 0.005, "tv(0.1)": 0.005,
		"tv(0.05,7)": 0.005, "nlm": 0.005, "nlm(5,3,0.2)": 0.005,
		"wavelet": 0.1, "wavelet(2)": 0.1, // the median of the noise estimate has kinks within the step of the differences
		"noise(8/255)": 0, "resize-pad": 0, "crop-ensemble(4,0.8)": 0, "pca-patch(20,4)": 0.005, "jpeg(75)+median(3)": 0,
		"gaussian(1)+tv(0.1)": 0.005, "bpda(median(3))": 0, "bpda(jpeg(75)+tv)": 0, "bilateral+none+gaussian": 0.005,
		"crop-ensemble(3)+resize-pad(1.2)": 0,
	} {
		t.Run(expr, func(t *testing.T) { defensetest.Run(t, parse(t, expr), resources(), tol) })
	}
}

// For a fixed draw the random purifiers are affine, so their gradient must reproduce differences exactly.
func TestRandomPurifiersAreAffine(t *testing.T) {
	for _, p := range []defense.Purifier{defense.ResizePad{Ratio: 1.3}, defense.CropEnsemble{N: 3, Ratio: 0.7}} {
		src, other := picture(t, 20, 14, 1), picture(t, 20, 14, 2)
		views := func(q defense.Picture) []defense.View {
			v, err := p.Purify(q, rand.New(rand.NewPCG(4, 4)))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		a, b := views(src), views(other)
		for k := range a {
			dout := make([]float32, len(a[k].Pix))
			lhs, rhs := 0.0, 0.0
			for i := range dout {
				dout[i] = float32(i%7) - 3
				lhs += float64(dout[i]) * (float64(b[k].Pix[i]) - float64(a[k].Pix[i]))
			}
			g := make([]float32, len(src.Pix))
			a[k].Pull(g, dout)
			for i := range g {
				rhs += float64(g[i]) * (float64(other.Pix[i]) - float64(src.Pix[i]))
			}
			if d := lhs - rhs; d > 1e-3 || d < -1e-3 {
				t.Errorf("%s view %d: change %g, by the gradient %g", p, k, lhs, rhs)
			}
		}
	}
}

func picture(t testing.TB, h, w int, seed uint64) defense.Picture {
	t.Helper()
	p, err := defense.PictureOf(defensetest.Picture(h, w, seed))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func purified(t testing.TB, p defense.Purifier, src defense.Picture) defense.Picture {
	t.Helper()
	v, err := p.Purify(src, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return v[0].Picture
}

func TestParseErrors(t *testing.T) {
	for expr, want := range map[string]string{
		"":                        "a name is missing",
		"jpg(75)":                 "known: ",
		"jpeg(0)":                 "quality is 0",
		"jpeg(75,hard)":           "rounding",
		"jpeg(75":                 ") is missing",
		"jpeg(75))":               "unexpected )",
		"jpeg(75)x":               "jpeg",
		"jpeg(75,soft,3)":         "one too many",
		"jpeg(q=75)":              `no parameter is named "q"`,
		"jpeg(75,quality=70)":     "given twice",
		"median(2.5)":             "not an integer",
		"median(99)":              "k is 99",
		"gaussian(nan)":           "sigma is NaN",
		"gaussian(x)":             "not a number",
		"bilateral(4)":            "odd",
		"tv(0)":                   "lambda is 0",
		"nlm(search=4)":           "odd",
		"wavelet(9)":              "levels is 9",
		"pca-patch(9999)":         "components",
		"bpda(crop-ensemble(2":    ") is missing",
		"jpeg+":                   "a name is missing",
		strings.Repeat("(", 5000): "longer than",
	} {
		d, err := defense.Parse(expr, resources())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, error %v (want %q)", expr, d, err, want)
		}
	}
	if _, err := defense.Parse("pca-patch", defense.Resources{}); err == nil || !strings.Contains(err.Error(), "Resources.Clean") {
		t.Errorf("pca-patch without clean pictures: %v", err)
	}
}

func TestListIsDocumented(t *testing.T) {
	list := defense.List()
	if !slices.ContainsFunc(list, func(e defense.Entry) bool { return e.Name == "jpeg" }) {
		t.Error("jpeg is not listed")
	}
	for _, e := range list {
		if e.Doc == "" {
			t.Errorf("%s has no documentation", e.Name)
		}
	}
}

func TestEOTIsTheMeanOverDraws(t *testing.T) {
	d := parse(t, "resize-pad(1.4)")
	e, err := d.Wrap(defensetest.NewLinear(3), defense.Stream{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	mean, err := defense.EOT(e, 3)
	if err != nil {
		t.Fatal(err)
	}
	img := defensetest.Picture(20, 20, 4)
	got, gotGrad := defensetest.Evaluate(t, mean, img)
	var want, wantGrad []float64
	for i := range 3 {
		a, g := defensetest.Evaluate(t, e.(defense.Drawer).Draw(uint64(i)), img)
		want, wantGrad = accumulate(want, a), accumulate(wantGrad, g)
	}
	for i := range got {
		if d := float64(got[i]) - want[i]/3; d > 1e-6 || d < -1e-6 {
			t.Fatalf("activation %d: %g, mean of draws %g", i, got[i], want[i]/3)
		}
	}
	for i := range gotGrad {
		if d := float64(gotGrad[i]) - wantGrad[i]/3; d > 1e-6 || d < -1e-6 {
			t.Fatalf("gradient %d: %g, mean of draws %g", i, gotGrad[i], wantGrad[i]/3)
		}
	}
	for _, n := range []int{0, defense.MaxEOT + 1} {
		if _, err := defense.EOT(e, n); err == nil {
			t.Errorf("EOT of %d draws accepted", n)
		}
	}
	if _, err := defense.EOT(defensetest.NewLinear(1), 3); err == nil {
		t.Error("EOT of an encoder without defence accepted")
	}
}

func accumulate(sum []float64, v []float32) []float64 {
	if sum == nil {
		sum = make([]float64, len(v))
	}
	for i := range v {
		sum[i] += float64(v[i])
	}
	return sum
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"jpeg(75)+median(3)", "bpda(tv(0.1))", "nlm(5,3,h=4/255)", "a(b=c(d,e)+f)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		d, err := defense.Parse(expr, defense.Resources{})
		if err != nil {
			return
		}
		if again, err := defense.Parse(d.String(), defense.Resources{}); err != nil || again.String() != d.String() {
			t.Errorf("%q prints as %s, which parses as %v (%v)", expr, d, again, err)
		}
	})
}
