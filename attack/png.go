package attack

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"gorgonia.org/tensor"
)

// Image8 returns t as an opaque 8-bit picture. Every value of t must be float32(k/255), as [Quantize]
// makes it: rounding here could leave the threat model unnoticed.
func Image8(t *tensor.Dense) (*image.NRGBA, error) {
	x, h, w, err := pixels(t)
	if err != nil {
		return nil, err
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, v := range x {
		k, ok := level(v)
		if !ok {
			return nil, fmt.Errorf("attack: value %d is %v, not an 8-bit level: call Quantize first", i, v)
		}
		c, p := i/(h*w), i%(h*w)
		img.Pix[4*p+c] = uint8(k)
		img.Pix[4*p+3] = 255
	}
	return img, nil
}

// WritePNG saves t (see [Image8]) at path, under a temporary name first, so that path never holds half
// a file.
func WritePNG(path string, t *tensor.Dense) (err error) {
	img, err := Image8(t)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".plumbline-*.png")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = png.Encode(f, img); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
