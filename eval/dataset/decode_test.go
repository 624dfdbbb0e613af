package dataset

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func rgbAt(p *image.NRGBA, x, y int) [3]uint8 { return [3]uint8(p.Pix[y*p.Stride+4*x:][:3]) }

func TestPixelsOfEveryKind(t *testing.T) {
	r := image.Rect(0, 0, 2, 1)
	gray16 := image.NewGray16(r)
	gray16.SetGray16(0, 0, color.Gray16{Y: 0x8000}) // 32768·255/65535 = 127.50 → 128
	gray16.SetGray16(1, 0, color.Gray16{Y: 0x7f7f}) // 127·257+0 = 127
	gray := image.NewGray(r)
	gray.SetGray(1, 0, color.Gray{Y: 7})
	deep := image.NewNRGBA64(r)
	deep.SetNRGBA64(0, 0, color.NRGBA64{R: 257, G: 2 * 257, B: 3 * 257, A: 0xffff})
	deep.SetNRGBA64(1, 0, color.NRGBA64{R: 65535, G: 128, B: 129, A: 0x100})
	clear := image.NewNRGBA(r)
	clear.SetNRGBA(1, 0, color.NRGBA{R: 9, G: 8, B: 7, A: 0})
	pal := image.NewPaletted(r, color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{4, 5, 6, 255}})
	pal.Pix = []uint8{1, 0}
	cases := []struct {
		name string
		m    image.Image
		want [2][3]uint8
	}{
		{"16-bit grey", gray16, [2][3]uint8{{128, 128, 128}, {127, 127, 127}}},
		{"8-bit grey", gray, [2][3]uint8{{0, 0, 0}, {7, 7, 7}}},
		{"16-bit colour with alpha", deep, [2][3]uint8{{1, 2, 3}, {255, 0, 1}}},
		{"colour under a transparent pixel", clear, [2][3]uint8{{0, 0, 0}, {9, 8, 7}}},
		{"palette", pal, [2][3]uint8{{4, 5, 6}, {1, 2, 3}}},
	}
	for _, c := range cases {
		p, err := DecodeImage(encodePNG(t, c.m))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := [2][3]uint8{rgbAt(p, 0, 0), rgbAt(p, 1, 0)}; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if p.Pix[3] != 255 || p.Pix[7] != 255 {
			t.Errorf("%s: alpha is kept", c.name)
		}
	}
}

func TestPlanarIsExact(t *testing.T) {
	p := image.NewNRGBA(image.Rect(0, 0, 256, 1))
	for v := range 256 {
		p.SetNRGBA(v, 0, color.NRGBA{uint8(v), uint8(255 - v), 3, 255})
	}
	d := Planar(p).Data().([]float32)
	for v := range 256 {
		if d[v] != float32(v)/255 || d[256+v] != float32(255-v)/255 || d[512+v] != float32(3)/255 {
			t.Fatalf("value %d: %v %v %v", v, d[v], d[256+v], d[512+v])
		}
	}
}

func TestBadPaletteIndexIsAnError(t *testing.T) {
	pal := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.White})
	pal.Pix[5] = 9
	if _, err := toNRGBA(pal); err == nil || !strings.Contains(err.Error(), "palette index 9") {
		t.Fatalf("error %v", err)
	}
}

func TestHugeImageIsRefusedFromItsHeader(t *testing.T) {
	data := encodePNG(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(data[16:], 60000)
	binary.BigEndian.PutUint32(data[20:], 60000)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	if _, err := DecodeImage(data); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Fatalf("error %v", err)
	}
}

func TestOrientations(t *testing.T) {
	// Upright picture: 3×2 with a different grey in every pixel.
	up := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(up.Pix, []uint8{0, 40, 80, 120, 160, 200})
	for o := 1; o <= 8; o++ {
		stored := image.NewGray(up.Rect)
		if o >= 5 {
			stored = image.NewGray(image.Rect(0, 0, 2, 3))
		}
		w, h := stored.Rect.Dx(), stored.Rect.Dy()
		for y := range 2 {
			for x := range 3 {
				row, col := rowColumn(o, x, y)
				if row >= h || col >= w {
					t.Fatal("test table is wrong")
				}
				stored.SetGray(col, row, up.GrayAt(x, y))
			}
		}
		for name, data := range map[string][]byte{
			"png": withPNGOrientation(encodePNG(t, stored), o), "jpeg": withJPEGOrientation(t, stored, o),
		} {
			p, err := DecodeImage(data)
			if err != nil || p.Rect != up.Rect {
				t.Fatalf("%s orientation %d: %v %v", name, o, p, err)
			}
			for i := range up.Pix {
				if d := int(p.Pix[4*i]) - int(up.Pix[i]); d < -6 || d > 6 {
					t.Errorf("%s orientation %d: pixel %d is %d, want %d", name, o, i, p.Pix[4*i], up.Pix[i])
				}
			}
		}
	}
}

// rowColumn is where the scene pixel (x, y) of a 3×2 picture is stored, from the wording of EXIF: 0th
// row and 0th column of the stored data are the scene's … side.
func rowColumn(o, x, y int) (row, col int) {
	top, bottom, left, right := y, 1-y, x, 2-x // distances from the sides
	switch o {
	case 1:
		return top, left
	case 2:
		return top, right
	case 3:
		return bottom, right
	case 4:
		return bottom, left
	case 5:
		return left, top
	case 6:
		return right, top
	case 7:
		return right, bottom
	default:
		return left, bottom
	}
}

func tiffOrientation(o int) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, 0x0112)
	b = binary.LittleEndian.AppendUint16(b, 3)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(o))
	return append(b, 0, 0, 0, 0)
}

func withPNGOrientation(data []byte, o int) []byte {
	body := append([]byte("eXIf"), tiffOrientation(o)...)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)-4))
	chunk = append(chunk, body...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(body))
	return append(append(append([]byte(nil), data[:33]...), chunk...), data[33:]...)
}

func withJPEGOrientation(t *testing.T, m image.Image, o int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	body := append([]byte("Exif\x00\x00"), tiffOrientation(o)...)
	seg := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(body)+2))...)
	return append(append([]byte{0xff, 0xd8}, append(seg, body...)...), b.Bytes()[2:]...)
}

func TestUnreadableFilesAreNamedAndTheRunGoesOn(t *testing.T) {
	root := t.TempDir()
	good := encodePNG(t, image.NewGray(image.Rect(0, 0, 2, 2)))
	files := map[string][]byte{"a/1.png": good, "a/2.png": []byte("not an image"), "b/3.png": good[:40], "b/4.png": good, "b/note.txt": nil}
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Folder(root)
	if err != nil || d.Len() != 4 {
		t.Fatalf("%v, %v", d, err)
	}
	loaded, errs := d.LoadAll(t.Context())
	if len(loaded) != 2 || loaded[0].ID != "a/1.png" || loaded[1].ID != "b/4.png" || loaded[1].Label != 1 {
		t.Fatalf("loaded %v", loaded)
	}
	if len(errs) != 2 || !strings.Contains(errs[0].Error(), "2.png") || !strings.Contains(errs[1].Error(), "3.png") {
		t.Fatalf("errors %v", errs)
	}
	n := 0
	for s, err := range d.All() {
		if (err != nil) == (s.Image != nil) {
			t.Errorf("%s: image %v with error %v", s.ID, s.Image != nil, err)
		}
		n++
	}
	if n != 4 {
		t.Errorf("All gave %d samples", n)
	}
	if _, err := Flat(t.TempDir()); err == nil {
		t.Error("an empty folder was accepted")
	}
}

func TestHashIsOfPixelsAndShape(t *testing.T) {
	a := image.NewNRGBA(image.Rect(0, 0, 2, 3))
	b := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	c := image.NewNRGBA(image.Rect(0, 0, 2, 3))
	c.Pix[4] = 1
	d := image.NewNRGBA(image.Rect(0, 0, 2, 3))
	d.Pix[3] = 9 // alpha only
	if HashPixels(a) == HashPixels(b) || HashPixels(a) == HashPixels(c) || HashPixels(a) != HashPixels(d) {
		t.Error("hash does not identify the RGB pixels and the shape")
	}
}

func FuzzDecodeImage(f *testing.F) {
	f.Add(encodePNG(f, image.NewGray(image.Rect(0, 0, 3, 2))))
	f.Add(withPNGOrientation(encodePNG(f, image.NewNRGBA(image.Rect(0, 0, 3, 2))), 6))
	f.Add([]byte("BM"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8L"))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := DecodeImage(data); err == nil && len(p.Pix) < 4*p.Rect.Dx()*p.Rect.Dy() {
			t.Fatal("short pixels")
		}
	})
}

func TestBMP(t *testing.T) {
	pal := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{4, 5, 6, 255}})
	pal.Pix[5] = 1
	rgb := image.NewRGBA(pal.Rect)
	rgb.SetRGBA(2, 1, color.RGBA{4, 5, 6, 255})
	for _, m := range []image.Image{pal, rgb} {
		var b bytes.Buffer
		if err := bmp.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		p, err := DecodeImage(b.Bytes())
		if err != nil || rgbAt(p, 2, 1) != [3]uint8{4, 5, 6} {
			t.Errorf("%T: %v, %v", m, p, err)
		}
	}
}
