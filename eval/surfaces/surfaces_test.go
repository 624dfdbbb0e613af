package surfaces

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/metric"
)

func load(t testing.TB, c Config) []*dataset.Sample {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	samples, errs := d.LoadAll(t.Context())
	if len(errs) > 0 || len(samples) != c.N {
		t.Fatalf("%d samples, %v", len(samples), errs)
	}
	return samples
}

// An image depends on the seed, its index and the size only: not on the other images, the order, or the run.
func TestImagesAreFixedBySeedAndIndex(t *testing.T) {
	all := load(t, Config{Seed: 5, N: 40})
	tail := load(t, Config{Seed: 5, First: 33, N: 7})
	for i, s := range tail {
		want := all[33+i]
		if s.ID != want.ID || s.Hash != want.Hash || !slices.Equal(s.Mask.Pix, want.Mask.Pix) || !slices.Equal(s.Boxes, want.Boxes) {
			t.Errorf("image %s differs when drawn alone", s.ID)
		}
	}
	seen := map[string]string{}
	for _, s := range append(all, load(t, Config{Seed: 6, N: 40})...) {
		if seen[s.Hash] != "" {
			t.Errorf("%s and %s are equal", s.ID, seen[s.Hash])
		}
		seen[s.Hash] = s.ID
	}
}

// The bytes of one round of all combinations, on the path that the project is tested on. Other processors may
// fuse multiplications and additions and differ in the last bit of a level.
func TestBytesStayTheSame(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the golden sum is of amd64")
	}
	sum := sha256.New()
	for _, s := range load(t, Config{Seed: 1, N: 35}) {
		fmt.Fprintln(sum, s.Hash, s.Boxes, s.Captions, s.QA)
	}
	const want = "9fc8b4eb72f05948162c6738071d59b8923096486625a9f67cf68e0f114c615f"
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("sum of seed 1 is %s, was %s: every model trained on these images and every committed result depends on it", got, want)
	}
}

func TestAnnotationsAgree(t *testing.T) {
	for _, size := range []int{64, 200} {
		for _, s := range load(t, Config{Seed: 2, N: 140, Size: size}) {
			checkAnnotations(t, s, size)
		}
	}
}

func checkAnnotations(t *testing.T, s *dataset.Sample, size int) {
	t.Helper()
	if s.Width != size || s.Height != size || len(s.Captions) != 3 || len(s.QA) != len(Questions) {
		t.Fatalf("%s: %+v", s.ID, s)
	}
	marked := 0
	var around dataset.Box
	around.X0, around.Y0 = math.Inf(1), math.Inf(1)
	for _, v := range s.Mask.Pix {
		if v != dataset.Background {
			marked++
			if int(v) != s.Label+1 {
				t.Fatalf("%s: mask value %d for class %d", s.ID, v, s.Label)
			}
		}
	}
	for _, b := range s.Boxes {
		if b.Class != s.Label || b != b.Clip(float64(size), float64(size)) || b.Area() < 4 {
			t.Errorf("%s: box %v", s.ID, b)
		}
		around.X0, around.Y0, around.X1, around.Y1 = min(around.X0, b.X0), min(around.Y0, b.Y0), max(around.X1, b.X1), max(around.Y1, b.Y1)
	}
	if clean := s.Label == 0; clean != (marked == 0) || clean != (len(s.Boxes) == 0) {
		t.Fatalf("%s (%s): %d marked pixels, %d boxes", s.ID, Defects[s.Label], marked, len(s.Boxes))
	}
	if marked > 0 {
		around.Class = s.Label
		if bounds, ok := s.Mask.Bounds(s.Label); !ok || bounds != around {
			t.Errorf("%s: boxes span %v, mask %v", s.ID, around, bounds)
		}
		if share := float64(marked) / float64(size*size); share < 0.0008 || share > 0.25 {
			t.Errorf("%s (%s): the defect covers %.4f of the image", s.ID, Defects[s.Label], share)
		}
	}
	for i, q := range s.QA {
		if !slices.Contains(Answers[i], q.Answers[0]) {
			t.Errorf("%s: %q has the answer %q", s.ID, q.Text, q.Answers[0])
		}
	}
	surface := s.QA[2].Answers[0]
	for _, c := range s.Captions {
		if !strings.Contains(c, surface) || s.Label > 0 && !strings.Contains(c, Defects[s.Label]) {
			t.Errorf("%s: caption %q of a %s on %s", s.ID, c, Defects[s.Label], surface)
		}
	}
}

// A defect can be seen: inside its mask the image differs from the same scene without flaws by several levels,
// outside it hardly does.
func TestDefectsChangeTheirPixels(t *testing.T) {
	const size = 96
	for i := range 70 {
		sc := newScene(3, i)
		if sc.defect == 0 {
			continue
		}
		with := sc.draw(size)
		m, _ := sc.mask(size)
		sc.flaws = nil
		without := sc.draw(size)
		var in, out, nIn, nOut float64
		for k, v := range m.Pix {
			d := 0.0
			for c := range 3 {
				d += math.Abs(float64(with.Pix[4*k+c])-float64(without.Pix[4*k+c])) / 3
			}
			if v != 0 {
				in, nIn = in+d, nIn+1
			} else {
				out, nOut = out+d, nOut+1
			}
		}
		if in/nIn < 8 || out/nOut > 2.5 {
			t.Errorf("image %d (%s on %s): mean change %.1f levels inside the mask, %.2f outside", i, Defects[sc.defect], Surfaces[sc.surface], in/nIn, out/nOut)
		}
	}
}

// A scene keeps its layout at every size: masks drawn large and sampled down agree with masks drawn small.
func TestSceneScales(t *testing.T) {
	for i := range 35 {
		small, _ := newScene(4, i).mask(64)
		large, _ := newScene(4, i).mask(256)
		reduced := dataset.NewMask(64, 64)
		for y := range 64 {
			for x := range 64 {
				n := 0
				for k := range 16 {
					if large.Pix[(4*y+k/4)*256+4*x+k%4] != 0 {
						n++
					}
				}
				if n >= 8 {
					reduced.Pix[y*64+x] = uint16(i%7 + 1)
				}
			}
		}
		c := metric.NewConfusion(len(Defects))
		if err := c.Add(small, reduced); err != nil {
			t.Fatal(err)
		}
		least := 0.85
		switch Defects[i%7] {
		case "scratch", "crack": // about one pixel wide
			least = 0.5
		case "inclusion": // a few pixels wide
			least = 0.7
		}
		if iou := c.MeanIoU(false); iou < least {
			t.Errorf("image %d (%s): IoU %.2f between sizes", i, Defects[i%7], iou)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{N: 0}, {N: 1, Size: 63}, {N: 1, Size: 513}, {N: MaxImages + 1}, {N: 1, First: -1}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if got := (Config{Seed: 3, N: 10}).String(); got != "surfaces(seed=3, images=0..9, size=64)" {
		t.Error(got)
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, size := range []int{64, 256} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			i := 0
			for b.Loop() {
				newScene(1, i).draw(size)
				i++
			}
		})
	}
}
