package dataset

import (
	"context"
	"testing"
)

func TestNEUDET(t *testing.T) {
	d, err := NEUDET(sharedData(t, "neu-det"))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Problems) > 0 {
		t.Fatalf("%d problems, first: %v", len(d.Problems), d.Problems[0])
	}
	if d.Len() != 1800 || len(d.Classes) != 6 {
		t.Fatalf("%d samples of classes %q", d.Len(), d.Classes)
	}
	perClass := make([]int, 6)
	boxes := 0
	for _, s := range d.Samples {
		if s.Label < 0 {
			t.Fatalf("%s has no label", s.ID)
		}
		perClass[s.Label]++
		boxes += len(s.Boxes)
		for _, b := range s.Boxes {
			if b.X0 < 0 || b.Y0 < 0 || b.X1 > 200 || b.Y1 > 200 || b.Area() <= 0 {
				t.Fatalf("%s: box %v", s.ID, b)
			}
		}
	}
	for i, n := range perClass {
		if n != 300 {
			t.Errorf("%s has %d images", d.Classes[i], n)
		}
	}
	if boxes != 4189 { // number of <object> elements in the files
		t.Errorf("%d boxes", boxes)
	}
	dev := d.Numbered(241, 260)
	if dev.Len() != 120 {
		t.Fatalf("development selection has %d samples", dev.Len())
	}
	loaded, errs := dev.LoadAll(context.Background())
	if len(errs) > 0 || len(loaded) != 120 {
		t.Fatalf("%d loaded, errors %v", len(loaded), errs)
	}
	for i, s := range loaded {
		if s.ID != dev.Samples[i].ID || s.Width != 200 || s.Height != 200 {
			t.Fatalf("sample %d is %s, %d×%d", i, s.ID, s.Width, s.Height)
		}
		if dev.Samples[i].Image != nil {
			t.Fatal("LoadAll filled the description")
		}
	}
}

// The first box of crazing_1 is (2,2)-(193,194) in 1-based inclusive indices.
func TestVOCCoordinates(t *testing.T) {
	d, err := NEUDET(sharedData(t, "neu-det"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Samples {
		if s.ID == "crazing_1.jpg" {
			want := Box{X0: 1, Y0: 1, X1: 193, Y1: 194, Class: 0}
			if len(s.Boxes) != 1 || s.Boxes[0] != want {
				t.Fatalf("boxes %v, want %v", s.Boxes, want)
			}
			return
		}
	}
	t.Fatal("crazing_1.jpg is missing")
}

func TestMagneticTile(t *testing.T) {
	d, err := MagneticTile(sharedData(t, "magnetic-tile"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 1344 || len(d.Classes) != 6 || len(d.Problems) != 0 {
		t.Fatalf("%d samples, classes %q, problems %v", d.Len(), d.Classes, d.Problems)
	}
	test, rest := d.EveryNth(5)
	counts := make([]int, 6)
	for _, s := range test.Samples {
		counts[s.Label]++
	}
	if want := [6]int{23, 17, 11, 6, 190, 20}; [6]int(counts) != want || test.Len()+rest.Len() != 1344 {
		t.Fatalf("test split %v, want %v", counts, want)
	}
	loaded, errs := test.PerClass(3).LoadAll(context.Background())
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	for _, s := range loaded {
		marked := 0
		for _, v := range s.Mask.Pix {
			if v == uint16(s.Label+1) {
				marked++
			} else if v != Background {
				t.Fatalf("%s: mask value %d", s.ID, v)
			}
		}
		if free := d.Classes[s.Label] == "MT_Free"; free != (marked == 0) {
			t.Errorf("%s: %d defect pixels", s.ID, marked)
		}
	}
}

func TestOpenChoosesTheLayout(t *testing.T) {
	d, err := Open(sharedData(t, "neu-det") + "/images")
	if err != nil || d.Len() != 1800 || d.Classes != nil || d.Samples[0].Label != NoLabel {
		t.Fatalf("flat folder: %v", err)
	}
	d, err = Open(sharedData(t, "magnetic-tile"))
	if err != nil || len(d.Classes) != 6 {
		t.Fatalf("class folders: %v", err)
	}
}
