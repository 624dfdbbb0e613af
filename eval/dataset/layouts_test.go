package dataset

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes files under a new folder; a nil content becomes a 4×3 PNG.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		data := []byte(content)
		if content == "PNG" {
			data = encodePNG(t, image.NewGray(image.Rect(0, 0, 4, 3)))
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCSV(t *testing.T) {
	root := tree(t, map[string]string{"a.png": "PNG", "sub/b.png": "PNG", "t.csv": "\xef\xbb\xbfPath, label ,caption,question,answer\n" +
		"a.png,10,\"a tile, clean\",is it clean?,yes\nsub/b.png,9\n,9\nmissing.png,9\na.png,10\n"})
	d, err := CSV(filepath.Join(root, "t.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(d.Classes, " ") != "9 10" || d.Len() != 3 {
		t.Fatalf("classes %q, %d samples", d.Classes, d.Len())
	}
	a := d.Samples[0]
	if a.Label != 1 || a.Captions[0] != "a tile, clean" || a.QA[0].Text != "is it clean?" || a.QA[0].Answers[0] != "yes" {
		t.Errorf("first row is %+v", a)
	}
	if all := fmt.Sprint(d.Problems); len(d.Problems) != 2 || !strings.Contains(all, "t.csv:4: no path") || !strings.Contains(all, "t.csv:6: a.png is listed twice") {
		t.Errorf("problems %v", d.Problems)
	}
	loaded, errs := d.LoadAll(t.Context())
	if len(loaded) != 2 || len(errs) != 1 || !strings.Contains(errs[0].Error(), "missing.png") {
		t.Errorf("%d loaded, errors %v", len(loaded), errs)
	}
	if _, err := CSV(filepath.Join(tree(t, map[string]string{"x.csv": "picture,label\na,b\n"}), "x.csv")); err == nil {
		t.Error("a table without path was accepted")
	}
}

func TestJSONL(t *testing.T) {
	root := tree(t, map[string]string{"a.png": "PNG", "m.png": "PNG", "t.jsonl": `{"path":"a.png","label":"ng","mask":"m.png","captions":["x","y"],"boxes":[{"x0":0,"y0":1,"x1":2,"y1":3,"class":"dent"}],"qa":[{"question":"q","answers":["1","2"]}]}
not json

{"path":"a.png","id":"second","boxes":[{"x0":2,"y0":1,"x1":2,"y1":3,"class":"dent"}]}
{"path":"a.png","id":"third"}
`})
	d, err := JSONL(filepath.Join(root, "t.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || len(d.Problems) != 2 || !strings.Contains(d.Problems[0].Error(), "t.jsonl:2") || !strings.Contains(d.Problems[1].Error(), "t.jsonl:4") {
		t.Fatalf("%d samples, problems %v", d.Len(), d.Problems)
	}
	s, err := d.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	if d.Classes[s.Label] != "ng" || d.Classes[s.Boxes[0].Class] != "dent" || len(s.Captions) != 2 || len(s.QA[0].Answers) != 2 || s.Mask == nil {
		t.Errorf("sample %+v", s)
	}
	if d.Samples[1].ID != "third" || d.Samples[1].Label != NoLabel {
		t.Errorf("third is %+v", d.Samples[1])
	}
}

func TestVOCRefusesWhatItCannotTrust(t *testing.T) {
	object := `<object><name>dent</name><bndbox><xmin>%d</xmin><ymin>1</ymin><xmax>%d</xmax><ymax>2</ymax></bndbox></object>`
	ann := func(name string, w, h int, rest string) string {
		return fmt.Sprintf(`<annotation><filename>%s</filename><size><width>%d</width><height>%d</height></size>%s</annotation>`, name, w, h, rest)
	}
	root := tree(t, map[string]string{
		"img/ok.png": "PNG", "img/wrongsize.png": "PNG",
		"ann/ok.xml":        ann("ok.png", 4, 3, fmt.Sprintf(object, 1, 9)),
		"ann/wrongsize.xml": ann("wrongsize.png", 5, 3, ""),
		"ann/outside.xml":   ann("ok.png", 4, 3, fmt.Sprintf(object, 7, 9)),
		"ann/escape.xml":    ann("../secret.png", 4, 3, ""),
		"ann/huge.xml":      ann("ok.png", 1<<30, 1<<30, ""),
		"ann/entity.xml":    `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + ann("&x;", 4, 3, ""),
		"ann/broken.xml":    `<annotation><size>`,
		"secret.png":        "PNG",
	})
	d, err := VOC(filepath.Join(root, "img"), filepath.Join(root, "ann"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || len(d.Problems) != 5 {
		t.Fatalf("%d samples, problems %v", d.Len(), d.Problems)
	}
	if want := (Box{X0: 0, Y0: 0, X1: 4, Y1: 2}); d.Samples[0].Boxes[0] != want {
		t.Errorf("box %v, want %v", d.Samples[0].Boxes[0], want)
	}
	if _, errs := d.LoadAll(t.Context()); len(errs) != 1 || !strings.Contains(errs[0].Error(), "wrongsize.xml") {
		t.Errorf("errors %v", errs)
	}
}

func TestCOCO(t *testing.T) {
	root := tree(t, map[string]string{"img/a.png": "PNG", "img/b.png": "PNG", "instances.json": `{
	"images":[{"id":7,"file_name":"a.png","width":4,"height":3},{"id":8,"file_name":"b.png","width":4,"height":3},
	          {"id":9,"file_name":"../x.png","width":4,"height":3},{"id":10,"file_name":"c.png","width":0,"height":3}],
	"categories":[{"id":90,"name":"hole"},{"id":3,"name":"dent"}],
	"annotations":[
	 {"id":1,"image_id":7,"category_id":90,"bbox":[1,0,2,2],"segmentation":[[1,0,3,0,3,2,1,2]]},
	 {"id":2,"image_id":7,"category_id":3,"bbox":[0,2,1,1],"segmentation":{"size":[3,4],"counts":[2,1,9]},"iscrowd":0},
	 {"id":3,"image_id":8,"category_id":3,"bbox":[0,0,4,3],"segmentation":{"size":[3,4],"counts":[0,12]},"iscrowd":1},
	 {"id":4,"image_id":8,"category_id":3,"bbox":[9,9,1,1]},
	 {"id":5,"image_id":77,"category_id":3,"bbox":[0,0,1,1]},
	 {"id":6,"image_id":8,"category_id":3,"segmentation":{"size":[3,4],"counts":[4000000000,12]}},
	 {"id":7,"image_id":8,"category_id":3,"segmentation":[[1,2]]},
	 {"id":8,"image_id":8,"caption":"a part with a dent"}]}`})
	d, err := COCO(filepath.Join(root, "img"), filepath.Join(root, "instances.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(d.Classes, " ") != "dent hole" || d.Len() != 2 || len(d.Problems) != 6 {
		t.Fatalf("classes %q, %d samples, problems %v", d.Classes, d.Len(), d.Problems)
	}
	a, err := d.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(a.Mask.Pix) != "[0 2 2 0 0 2 2 0 1 0 0 0]" {
		t.Errorf("mask %v", a.Mask.Pix)
	}
	if want := (Box{X0: 1, Y0: 0, X1: 3, Y1: 2, Class: 1}); a.Boxes[0] != want || a.Label != NoLabel {
		t.Errorf("box %v, label %d", a.Boxes[0], a.Label)
	}
	b, err := d.Load(1)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Boxes[0].Ignore || b.Mask.Pix[0] != Void || b.Captions[0] != "a part with a dent" {
		t.Errorf("crowd sample %+v", b)
	}
}

// The digits of the second string are worked out by hand from the format's rule.
func TestPackedRuns(t *testing.T) {
	got, err := unpackRuns(packRuns([]uint32{6, 1, 40, 4, 5, 4, 5, 4, 21}))
	if err != nil || fmt.Sprint(got) != "[6 1 40 4 5 4 5 4 21]" {
		t.Fatalf("%v, %v", got, err)
	}
	// By hand: 6 → '6'; 1 → '1'; 40 = 01000b + 1·32 → (8|32)+48 = 'X', then 1+48 = '1';
	// 4−1 = 3 → '3'; 5−40 = −35 → low digit 29|32 → 'm', then 30 (−2) → 'N'; 4−4 = 0 → '0'.
	got, err = unpackRuns("61X13mN0")
	if err != nil || fmt.Sprint(got) != "[6 1 40 4 5 4]" {
		t.Fatalf("%v, %v", got, err)
	}
	for _, bad := range []string{"X", "~", "0N", "XXXXXXXXXXXX"} {
		if got, err := unpackRuns(bad); err == nil {
			t.Errorf("%q gave %v", bad, got)
		}
	}
}

// packRuns is the inverse, for tests.
func packRuns(runs []uint32) string {
	var s []byte
	for i, n := range runs {
		x := int64(n)
		if i > 2 {
			x -= int64(runs[i-2])
		}
		for more := true; more; {
			c := x & 0x1f
			x >>= 5
			more = !(x == 0 && c&0x10 == 0 || x == -1 && c&0x10 != 0)
			if more {
				c |= 0x20
			}
			s = append(s, byte(c+48))
		}
	}
	return string(s)
}

// A polygon is painted where the pixel's centre is inside, compared with a point-in-polygon test by the
// winding of angles.
func TestPolygonAgainstPointTest(t *testing.T) {
	poly := []float64{1.2, 0.7, 11.4, 3.3, 7.7, 5.1, 9.9, 11.2, 2.1, 8.8, 4.6, 5.5}
	m := NewMask(13, 12)
	m.paintPolygons([][]float64{poly}, 1)
	for y := range m.Height {
		for x := range m.Width {
			if inside := insideByRay(poly, float64(x)+0.5, float64(y)+0.5); inside != (m.Pix[y*m.Width+x] == 1) {
				t.Errorf("pixel (%d,%d): inside %v, painted %v", x, y, inside, !inside)
			}
		}
	}
}

// insideByRay counts edges crossed going up from the point.
func insideByRay(p []float64, px, py float64) bool {
	in := false
	for i := 0; i < len(p); i += 2 {
		j := (i + 2) % len(p)
		if (p[i] > px) != (p[j] > px) && py > p[i+1]+(px-p[i])/(p[j]-p[i])*(p[j+1]-p[i+1]) {
			in = !in
		}
	}
	return in
}

func TestVQAJSON(t *testing.T) {
	root := tree(t, map[string]string{"img/COCO_val2014_000000000042.png": "PNG",
		"q.json": `{"questions":[{"image_id":42,"question_id":420,"question":"Is it rusty?"},{"image_id":42,"question_id":421,"question":"How many?"},{"image_id":43,"question_id":430,"question":"?"}]}`,
		"a.json": `{"annotations":[{"question_id":420,"answers":[{"answer":"yes"},{"answer":"no"}]}]}`})
	d, err := VQAJSON(filepath.Join(root, "img"), filepath.Join(root, "q.json"), filepath.Join(root, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 1 || len(d.Problems) != 1 || len(d.Samples[0].QA) != 2 {
		t.Fatalf("%+v, problems %v", d.Samples, d.Problems)
	}
	q := d.Samples[0].QA[0]
	if q.ID != "420" || q.Text != "Is it rusty?" || strings.Join(q.Answers, " ") != "yes no" {
		t.Errorf("question %+v", q)
	}
}

// Two one-pixel WebP pictures, lossy and lossless.
func TestWebP(t *testing.T) {
	for name, data := range map[string]string{
		"lossy":    "RIFF\x22\x00\x00\x00WEBPVP8 \x16\x00\x00\x00\x30\x01\x00\x9d\x01\x2a\x01\x00\x01\x00\x0e\xc0\xfe\x25\xa4\x00\x03\x70\x00\x00\x00\x00",
		"lossless": "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00",
	} {
		p, err := DecodeImage([]byte(data))
		if err != nil || p.Rect != image.Rect(0, 0, 1, 1) || p.Pix[3] != 255 {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func FuzzAnnotations(f *testing.F) {
	f.Add([]byte(`{"size":[3,4],"counts":[2,1,9]}`))
	f.Add([]byte(`{"size":[3,4],"counts":"61X13mN0"}`))
	f.Add([]byte(`[[1,0,3,0,3,2,1,2]]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := NewMask(4, 3)
		if runs, err := parseRuns(raw, 4, 3); err == nil {
			m.paintRuns(runs, 1)
			if again, err := unpackRuns(packRuns(runs)); err != nil || fmt.Sprint(again) != fmt.Sprint(runs) {
				t.Fatalf("%v became %v, %v", runs, again, err)
			}
		}
		if polys, err := parsePolygons(raw); err == nil {
			m.paintPolygons(polys, 2)
		}
	})
}
