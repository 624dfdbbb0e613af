package dataset

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation returns the EXIF orientation (1 to 8, 1 = upright) of a JPEG, PNG or WebP file; 1 when
// there is none or it is malformed.
func orientation(data []byte) int {
	var tiff []byte
	switch {
	case matches(data, "\xff\xd8"):
		tiff = exifOfJPEG(data)
	case matches(data, "\x89PNG"):
		tiff = exifOfPNG(data)
	case matches(data, "RIFF"):
		tiff = exifOfWebP(data)
	}
	return orientationOfTIFF(bytes.TrimPrefix(tiff, []byte("Exif\x00\x00")))
}

// exifOfJPEG walks the marker segments before the scan.
func exifOfJPEG(data []byte) []byte {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, size := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == 0xff { // fill byte
			at++
			continue
		}
		end := at + 2 + size
		if size < 2 || end > len(data) || marker == 0xda {
			return nil
		}
		if body := data[at+4 : end]; marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body
		}
		at = end
	}
	return nil
}

func exifOfPNG(data []byte) []byte {
	for at := 8; at+12 <= len(data); {
		size := int64(binary.BigEndian.Uint32(data[at:]))
		if size > int64(len(data)-at-12) {
			return nil
		}
		if string(data[at+4:at+8]) == "eXIf" {
			return data[at+8 : at+8+int(size)]
		}
		at += 12 + int(size)
	}
	return nil
}

func exifOfWebP(data []byte) []byte {
	for at := 12; at+8 <= len(data); {
		size := int64(binary.LittleEndian.Uint32(data[at+4:]))
		if size > int64(len(data)-at-8) {
			return nil
		}
		if string(data[at:at+4]) == "EXIF" {
			return data[at+8 : at+8+int(size)]
		}
		at += 8 + int(size+size&1)
	}
	return nil
}

// orientationOfTIFF looks for tag 0x0112 in the first directory.
func orientationOfTIFF(t []byte) int {
	if len(t) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if t[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(t[4:]))
	if at+2 > int64(len(t)) {
		return 1
	}
	count := int64(order.Uint16(t[at:]))
	for i := range count {
		e := at + 2 + 12*i
		if e+12 > int64(len(t)) {
			return 1
		}
		if order.Uint16(t[e:]) == 0x0112 {
			if v := int(order.Uint16(t[e+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}

// orient turns p upright: orientation o says how the stored rows and columns lie in the scene (EXIF
// 2.3, tag 274).
func orient(p *image.NRGBA, o int) *image.NRGBA {
	if o <= 1 || o > 8 {
		return p
	}
	w, h := p.Rect.Dx(), p.Rect.Dy()
	ow, oh := w, h
	if o >= 5 { // rows become columns
		ow, oh = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, ow, oh))
	for y := range oh {
		for x := range ow {
			sx, sy := source(o, x, y, w, h)
			copy(out.Pix[y*out.Stride+4*x:][:4], p.Pix[sy*p.Stride+4*sx:][:4])
		}
	}
	return out
}

// source is the stored pixel shown at (x, y) of the upright picture; w and h are the stored size.
func source(o, x, y, w, h int) (sx, sy int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}
