package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/attack"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"gorgonia.org/tensor"
)

// threatFlags say which changes are allowed.
type threatFlags struct {
	eps, norm, mask, at string
}

// threat is a threat model whose masks are read picture by picture.
type threat struct {
	attack.ThreatModel
	masks string // picture for all, or folder with one for each; "" for none
	one   *attack.Mask
}

// parse reads the flags.
func (f threatFlags) parse() (*threat, error) {
	t := &threat{masks: f.mask}
	var err error
	switch t.Norm = attack.Norm(f.norm); t.Norm {
	case attack.NormLinf, attack.NormPatch:
		t.Eps, err = attack.ParseEps(f.eps)
	case attack.NormL2, attack.NormL1, attack.NormL0:
		t.Eps, err = attack.ParseRatio(f.eps)
	default:
		return nil, usagef("--norm %q is none of linf, l2, l1, l0, patch", f.norm)
	}
	if err != nil {
		return nil, err
	}
	if f.at != "" {
		if t.At, err = parseCorner(f.at); err != nil {
			return nil, err
		}
	}
	if err := t.Validate(1); err != nil {
		return nil, usageError{err}
	}
	return t, t.openMasks()
}

func parseCorner(text string) (*attack.Corner, error) {
	y, x, ok := strings.Cut(text, ",")
	row, errY := strconv.Atoi(strings.TrimSpace(y))
	col, errX := strconv.Atoi(strings.TrimSpace(x))
	if !ok || errY != nil || errX != nil || row < 0 || col < 0 {
		return nil, usagef("--at %q: want row,column of the patch's upper left pixel", text)
	}
	return &attack.Corner{Y: row, X: col}, nil
}

func (t *threat) openMasks() error {
	if t.masks == "" {
		return nil
	}
	st, err := os.Stat(t.masks)
	if err != nil {
		return fmt.Errorf("mask: %w", err)
	}
	if !st.IsDir() {
		t.one, err = readMask(t.masks)
	}
	return err
}

// String also says where masks come from.
func (t *threat) String() string {
	if t.masks == "" {
		return t.ThreatModel.String()
	}
	return t.ThreatModel.String() + "+mask:" + filepath.Base(t.masks)
}

// of returns the threat model for some pictures. A mask of another size than its picture is an error.
func (t *threat) of(samples []*dataset.Sample) (attack.ThreatModel, error) {
	tm := t.ThreatModel
	if t.masks == "" {
		return tm, nil
	}
	for _, s := range samples {
		m, path := t.one, t.masks
		if m == nil {
			var err error
			if path, err = maskFile(t.masks, s.ID); err == nil {
				m, err = readMask(path)
			}
			if err != nil {
				return tm, err
			}
		}
		if m.H != s.Height || m.W != s.Width {
			return tm, fmt.Errorf("mask %s is %d×%d pixels (width×height), the picture %s %d×%d: make it as large as the picture", path, m.W, m.H, s.ID, s.Width, s.Height)
		}
		tm.Masks = append(tm.Masks, m)
	}
	return tm, nil
}

// maskFile finds the mask of a picture: the file of the same name below the folder, whatever its format.
func maskFile(folder, id string) (string, error) {
	base := strings.TrimSuffix(id, filepath.Ext(id))
	for _, ext := range []string{".png", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg", filepath.Ext(id)} {
		path := filepath.Join(folder, filepath.FromSlash(base+ext))
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: no mask for the picture %s: want %s.png there: %w", folder, id, base, fs.ErrNotExist)
}

// readMask allows changes where a picture is brighter than half.
func readMask(path string) (*attack.Mask, error) {
	p, err := dataset.ReadImage(path)
	if err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	m, err := attack.NewMask(p.Rect.Dy(), p.Rect.Dx())
	if err != nil {
		return nil, fmt.Errorf("mask %s: %w", path, err)
	}
	for y := range m.H {
		for x := range m.W {
			at := p.PixOffset(x, y)
			m.Allow[y*m.W+x] = slices.Max(p.Pix[at:at+3]) > 127
		}
	}
	if !slices.Contains(m.Allow, true) {
		return nil, fmt.Errorf("mask %s is black everywhere: white is where pixels may change", path)
	}
	return m, nil
}

// contains reports whether the i-th picture of those that tm is for may be handed in.
func contains(tm attack.ThreatModel, i int, clean, adv *tensor.Dense) (inside bool, size float64, err error) {
	ball, err := tm.Ball(i, clean)
	if err != nil {
		return false, 0, err
	}
	x := adv.Float32s()
	return ball.Contains(x), ball.Size(x), nil
}
