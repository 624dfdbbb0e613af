package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// Limits of what a reader accepts. A file is refused before it is decoded, from its header.
const (
	MaxPixels    = 64 << 20  // width × height
	MaxSide      = 1 << 16   // width or height
	MaxFileBytes = 512 << 20 // an image file
	MaxTextBytes = 512 << 20 // an annotation file
)

var errFormat = errors.New("not a PNG, JPEG, WebP or BMP image")

// ReadImage decodes an image file to 8-bit RGB with its EXIF orientation applied.
func ReadImage(path string) (*image.NRGBA, error) {
	data, err := readFile(path, MaxFileBytes)
	if err != nil {
		return nil, err
	}
	p, err := DecodeImage(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// DecodeImage decodes the bytes of a PNG, JPEG, WebP or BMP file to 8-bit RGB (alpha 255) with its EXIF
// orientation applied. 16-bit samples are rounded to the nearest of the 256 levels.
func DecodeImage(data []byte) (p *image.NRGBA, err error) {
	defer func() {
		if r := recover(); r != nil { // a decoder's own bug must not take the run with it
			p, err = nil, fmt.Errorf("corrupt image: %v", r)
		}
	}()
	m, orientation, err := decode(data)
	if err != nil {
		return nil, err
	}
	p, err = toNRGBA(m)
	if err != nil {
		return nil, err
	}
	return orient(p, orientation), nil
}

// sizeOf is the width and height of an image file from its header, with its EXIF orientation applied.
func sizeOf(path string) (w, h int, err error) {
	data, err := readFile(path, MaxFileBytes)
	if err != nil {
		return 0, 0, err
	}
	codec := sniff(data)
	if codec == nil {
		return 0, 0, fmt.Errorf("%s: %w", path, errFormat)
	}
	cfg, err := codec.config(bytes.NewReader(data))
	if err == nil {
		err = checkSize(cfg.Width, cfg.Height)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	if orientation(data) >= 5 {
		return cfg.Height, cfg.Width, nil
	}
	return cfg.Width, cfg.Height, nil
}

func decode(data []byte) (image.Image, int, error) {
	codec := sniff(data)
	if codec == nil {
		return nil, 0, errFormat
	}
	cfg, err := codec.config(bytes.NewReader(data))
	if err != nil {
		return nil, 0, err
	}
	if err := checkSize(cfg.Width, cfg.Height); err != nil {
		return nil, 0, err
	}
	m, err := codec.decode(bytes.NewReader(data))
	if err != nil {
		return nil, 0, err
	}
	return m, orientation(data), nil
}

func checkSize(w, h int) error {
	switch {
	case w <= 0 || h <= 0:
		return fmt.Errorf("empty image (%d×%d)", w, h)
	case w > MaxSide || h > MaxSide || w*h > MaxPixels:
		return fmt.Errorf("image of %d×%d pixels is larger than the limit of %d pixels", w, h, MaxPixels)
	}
	return nil
}

type codec struct {
	magic  string // '?' matches any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var codecs = []codec{
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"\xff\xd8", jpeg.DecodeConfig, jpeg.Decode},
	{"RIFF????WEBP", webp.DecodeConfig, webp.Decode},
	{"BM", bmp.DecodeConfig, bmp.Decode},
}

func sniff(data []byte) *codec {
	for i, c := range codecs {
		if len(data) >= len(c.magic) && matches(data, c.magic) {
			return &codecs[i]
		}
	}
	return nil
}

func matches(data []byte, magic string) bool {
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

// readFile reads a whole regular file, refusing one larger than limit.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path) // before opening: a named pipe would block
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than the limit of %d bytes", path, limit)
	}
	return data, nil
}
