package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// TestLinksAndCase: class folders and files may be symbolic links, extensions may be upper-case, and links in a
// circle end.
func TestLinksAndCase(t *testing.T) {
	root := tree(t, map[string]string{"data/ok/A.PNG": "PNG", "data/ok/.hidden.png": "PNG", "data/ok/notes.TXT": "x", "far/b.png": "PNG", "far/deep/c.Png": "PNG"})
	data := filepath.Join(root, "data")
	err := errors.Join(
		os.Symlink(filepath.Join(root, "far"), filepath.Join(data, "ng")),
		os.Symlink(filepath.Join(root, "far", "b.png"), filepath.Join(data, "ok", "z.png")),
		os.Symlink(filepath.Join(root, "far"), filepath.Join(root, "far", "deep", "again")),
		os.Symlink(filepath.Join(root, "gone.png"), filepath.Join(data, "ok", "gone.png")),
		os.Symlink(data, filepath.Join(root, "link")),
	)
	if err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	for _, dir := range []string{data, filepath.Join(root, "link")} {
		d, err := Folder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(d); strings.Join(d.Classes, " ") != "ng ok" || got != "ng/b.png ng/deep/c.Png ok/A.PNG ok/gone.png ok/z.png" || len(d.Problems) != 0 {
			t.Errorf("%s: classes %q, samples %s, problems %v", dir, d.Classes, got, d.Problems)
		}
		if loaded, errs := d.LoadAll(t.Context()); len(loaded) != 4 || len(errs) != 1 || !strings.Contains(errs[0].Error(), "gone.png") {
			t.Errorf("%d loaded, errors %v", len(loaded), errs)
		}
	}
	if d, err := Flat(filepath.Join(root, "link")); err != nil || d.Len() != 5 {
		t.Errorf("a linked folder read flat: %v, %v", d, err)
	}
}

func ids(d *Dataset) string {
	var s []string
	for _, x := range d.Samples {
		s = append(s, x.ID)
	}
	return strings.Join(s, " ")
}

// maskFile is a 4×3 grey picture with some white pixels.
func maskFile(t *testing.T, white ...int) string {
	t.Helper()
	p := image.NewGray(image.Rect(0, 0, 4, 3))
	for _, i := range white {
		p.Pix[i] = 255
	}
	return string(encodePNG(t, p))
}

func TestPairsOfAnyCase(t *testing.T) {
	var b bytes.Buffer
	if err := bmp.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 3))); err != nil {
		t.Fatal(err)
	}
	picture := b.String()
	root := tree(t, map[string]string{"crack/a.BMP": picture, "crack/a.PNG": maskFile(t, 0, 5), "crack/b.bmp": picture, "free/c.bmp": picture})
	d, err := Pairs(root, "free")
	if err != nil {
		t.Fatal(err)
	}
	if ids(d) != "crack/a.BMP free/c.bmp" || len(d.Problems) != 1 || !strings.Contains(d.Problems[0].Error(), "b.bmp") {
		t.Errorf("samples %s, problems %v", ids(d), d.Problems)
	}
	s, err := d.Load(0)
	if err != nil || fmt.Sprint(s.Mask.Pix) != "[1 0 0 0 0 1 0 0 0 0 0 0]" {
		t.Errorf("mask %v, %v", s, err)
	}
}

func TestMVTec(t *testing.T) {
	root := tree(t, map[string]string{
		"train/good/0.png": "PNG", "test/good/0.png": "PNG", "test/crack/0.png": "PNG", "test/crack/1.png": "PNG", "test/hole/0.png": "PNG",
		"ground_truth/crack/0_mask.png": maskFile(t, 2), "ground_truth/hole/0.PNG": maskFile(t, 3), "ground_truth/hole/9_mask.png": "PNG",
	})
	d, err := MVTec(root)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(d.Classes, " ") != "crack good hole" || ids(d) != "crack/0.png good/0.png hole/0.png" || len(d.Problems) != 1 {
		t.Fatalf("classes %q, samples %s, problems %v", d.Classes, ids(d), d.Problems)
	}
	for i, want := range []string{"[0 0 1 0 0 0 0 0 0 0 0 0]", "", "[0 0 0 3 0 0 0 0 0 0 0 0]"} {
		s, err := d.Load(i)
		if err != nil || (s.Mask == nil) != (want == "") || s.Mask != nil && fmt.Sprint(s.Mask.Pix) != want {
			t.Errorf("%s: %v, %v", d.Samples[i].ID, s.Mask, err)
		}
	}
}

// TestCOCOFiles: boxes in one file and captions in another, as COCO has them.
func TestCOCOFiles(t *testing.T) {
	root := tree(t, map[string]string{"img/a.png": "PNG", "img/b.png": "PNG",
		"instances.json": `{"images":[{"id":1,"file_name":"a.png","width":4,"height":3}],"categories":[{"id":1,"name":"dent"}],
			"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[0,0,2,2]}]}`,
		"captions.json": `{"images":[{"id":1,"file_name":"a.png","width":4,"height":3},{"id":2,"file_name":"b.png","width":4,"height":3}],
			"annotations":[{"id":1,"image_id":1,"caption":"a dent"},{"id":2,"image_id":2,"caption":"nothing"},{"id":3,"image_id":5,"caption":"lost"}]}`})
	d, err := COCO(filepath.Join(root, "img"), filepath.Join(root, "instances.json"), filepath.Join(root, "captions.json"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || len(d.Samples[0].Boxes) != 1 || d.Samples[0].Captions[0] != "a dent" || d.Samples[1].Captions[0] != "nothing" || d.Samples[1].Label != NoLabel {
		t.Errorf("samples %+v, problems %v", d.Samples, d.Problems)
	}
	if len(d.Problems) != 1 || !strings.Contains(d.Problems[0].Error(), "captions.json: annotation 3") {
		t.Errorf("problems %v", d.Problems)
	}
	if _, err := COCO(filepath.Join(root, "img"), filepath.Join(root, "instances.json"), filepath.Join(root, "none.json")); err == nil {
		t.Error("a file that is not there was accepted")
	}
}

// TestCSVOfQuestions: one row a question, several an image.
func TestCSVOfQuestions(t *testing.T) {
	root := tree(t, map[string]string{"a.png": "PNG", "t.csv": "Image,class,question,answer,caption\na.png,ok,is it ok?,yes,\na.png,ok,how many?,0,clean\na.png,ng,why?,worn,\n"})
	d, err := CSV(filepath.Join(root, "t.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 1 || len(d.Samples[0].QA) != 2 || d.Samples[0].QA[1].Text != "how many?" || strings.Join(d.Samples[0].Captions, "") != "clean" {
		t.Errorf("%+v", d.Samples)
	}
	if len(d.Problems) != 1 || !strings.Contains(d.Problems[0].Error(), "t.csv:4") || !strings.Contains(d.Problems[0].Error(), "t.csv:2") {
		t.Errorf("problems %v", d.Problems)
	}
}

// TestVOCWithoutSize: tools that leave <size> out, and an image whose EXIF orientation turns it upright.
func TestVOCWithoutSize(t *testing.T) {
	object := `<object><name>dent</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>99</xmax><ymax>99</ymax></bndbox></object>`
	root := tree(t, map[string]string{"img/a.png": "PNG", "img/turned.jpg": string(withJPEGOrientation(t, image.NewGray(image.Rect(0, 0, 8, 6)), 6)), "img/cut.png": "\x89PNG\r\n\x1a\n",
		"ann/a.xml": "<annotation>" + object + "</annotation>", "ann/turned.xml": "<annotation>" + object + "</annotation>", "ann/cut.xml": "<annotation>" + object + "</annotation>"})
	d, err := VOC(filepath.Join(root, "img"), filepath.Join(root, "ann"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || d.Samples[0].Boxes[0] != (Box{X1: 4, Y1: 3}) || d.Samples[1].Boxes[0] != (Box{X1: 6, Y1: 8}) {
		t.Errorf("%+v", d.Samples)
	}
	if len(d.Problems) != 1 || !strings.Contains(d.Problems[0].Error(), "cut.png") {
		t.Errorf("problems %v", d.Problems)
	}
	if loaded, errs := d.LoadAll(t.Context()); len(loaded) != 2 || loaded[1].Width != 6 || loaded[1].Height != 8 {
		t.Errorf("%v, %v", loaded, errs)
	}
}
