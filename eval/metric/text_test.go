package metric

import (
	"math"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	got := strings.Join(Words("A 2.5-mm scratch, on the tile's edge. (Rust?)"), "|")
	if got != "a|2.5-mm|scratch|on|the|tile's|edge|rust" {
		t.Errorf("%q", got)
	}
}

func TestBLEU4ByHand(t *testing.T) {
	// Candidate 6 words, reference 7: matches 1-grams 6/6, 2-grams 4/5, 3-grams 2/4, 4-grams 1/3.
	// "the cat sat on the mat" / "the cat sat on a the mat": bigrams the-cat, cat-sat, sat-on, the-mat;
	// trigrams the-cat-sat, cat-sat-on; 4-grams the-cat-sat-on.
	b, err := NewBLEU4([]Captions{{"the cat sat on the mat", []string{"the cat sat on a the mat"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := math.Pow(1*0.8*0.5/3, 0.25) * math.Exp(1-7.0/6)
	if got := b.On([]int{0}); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
	// Clipping, from the paper: "the" seven times against a reference with two.
	c := countBLEU(Captions{"the the the the the the the", []string{"the cat is on the mat", "there is a cat on the mat"}})
	if c.matched[0] != 2 || c.total[0] != 7 || c.refLength != 7 {
		t.Errorf("counts %+v", c)
	}
	same, _ := NewBLEU4([]Captions{{"a dent in the brushed metal", []string{"a dent in the brushed metal", "x"}}, {"y z", []string{"q"}}})
	if got := same.On([]int{0, 0}); math.Abs(got-1) > 1e-12 {
		t.Errorf("a copy of the reference scores %v", got)
	}
	if same.On([]int{1}) != 0 || !math.IsNaN(same.On(nil)) {
		t.Error("no match must give 0 and no images NaN")
	}
	if _, err := NewBLEU4([]Captions{{"a", nil}}); err == nil {
		t.Error("no references were accepted")
	}
}

func TestCIDErByHand(t *testing.T) {
	refs := [][]string{{"red hole"}, {"red dent"}}
	c, err := NewCIDEr(refs)
	if err != nil {
		t.Fatal(err)
	}
	// Weights: red is in both images (log 2/2 = 0); hole, "red hole": log 2. n = 3, 4: no n-grams.
	// Copy of the reference: cosine 1 for n = 1 and 2 → plain (1+1+0+0)/4 = 0.5, D ten times that.
	if got := c.Plain("red hole", refs[0]); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("plain %v", got)
	}
	if got := c.D("red hole", refs[0]); math.Abs(got-5) > 1e-12 {
		t.Errorf("D %v", got)
	}
	// "hole hole hole": n=1 vector (3w), reference (w): cosine 1, clipped 1·1/(3·1) = 1/3; n=2:
	// "hole hole" twice, nothing in common. Length differs by 1.
	if got := c.Plain("hole hole hole", refs[0]); math.Abs(got-0.25) > 1e-12 {
		t.Errorf("plain %v", got)
	}
	if got, want := c.D("hole hole hole", refs[0]), 10*math.Exp(-1.0/72)/12; math.Abs(got-want) > 1e-12 {
		t.Errorf("D %v, want %v", got, want)
	}
	if got := c.D("red", refs[0]); got != 0 {
		t.Errorf("a word of every image scores %v", got)
	}
	if _, err := NewCIDEr(refs[:1]); err == nil {
		t.Error("one image was accepted")
	}
}

func TestVQAAccuracy(t *testing.T) {
	ten := func(yes int) []string {
		a := make([]string, 10)
		for i := range a {
			a[i] = "no"
			if i < yes {
				a[i] = "yes"
			}
		}
		return a
	}
	// The known values of the consensus score: 0, 0.3, 0.6, 0.9, 1.
	for yes, want := range []float64{0, 0.3, 0.6, 0.9, 1, 1} {
		if got := VQAAccuracy("Yes", ten(yes)); math.Abs(got-want) > 1e-12 {
			t.Errorf("%d of 10: %v, want %v", yes, got, want)
		}
	}
	if VQAAccuracy("two", []string{"2"}) != 1 || VQAAccuracy("3", []string{"2"}) != 0 || !math.IsNaN(VQAAccuracy("x", nil)) {
		t.Error("few references")
	}
}

func TestNormalizeAnswer(t *testing.T) {
	for in, want := range map[string]string{
		"The Dent.": "dent", "a scratch, long": "scratch long", "Don't know": "dont know", "1,000": "1000",
		"2.5": "2.5", "on/off": "on off", "none": "0", "black-white": "black white", " an  ": "",
	} {
		if got := NormalizeAnswer(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
