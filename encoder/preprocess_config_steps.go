package encoder

import (
	"encoding/json"
	"fmt"
)

// pilFilters are the filters by the integer code that PIL and Hugging Face's "resample" use.
var pilFilters = []Filter{Nearest, Lanczos, Bilinear, Bicubic, Box, Hamming}

// hfSize is the object form of "size" and "crop_size".
type hfSize struct {
	Shortest *int `json:"shortest_edge"`
	Longest  *int `json:"longest_edge"`
	Height   *int `json:"height"`
	Width    *int `json:"width"`
}

func (c *hfConfig) resize(p *Preprocess, fam family, known bool) error {
	if c.CropPct != nil {
		return fmt.Errorf("crop_pct: %g is not supported", *c.CropPct)
	}
	if c.DoResize != nil && !*c.DoResize {
		return nil
	}
	code := fam.resample
	switch {
	case c.Resample != nil:
		code = *c.Resample
	case !known:
		return fmt.Errorf("resample: missing, and the processor %s has no known default", c.typeName())
	}
	if code < 0 || code >= len(pilFilters) {
		return fmt.Errorf("resample: %d is not a filter (want 0…%d)", code, len(pilFilters)-1)
	}
	p.Filter = pilFilters[code]
	n, object, err := readSize("size", c.Size)
	if err != nil {
		return err
	}
	switch {
	case object == nil && n == 0 && !known:
		return fmt.Errorf("size: missing, and the processor %s has no known default", c.typeName())
	case object == nil && n != 0 && !known:
		return fmt.Errorf("size: %d may be the shorter side or a square for processor %s; write {\"shortest_edge\": …} or {\"height\": …, \"width\": …}", n, c.typeName())
	case object == nil:
		if n == 0 {
			n = fam.size
		}
		p.Resize = [2]int{n, n}
		if fam.shortest {
			p.Resize[1] = 0
		}
	case object.Longest != nil:
		return fmt.Errorf("size: longest_edge is not supported")
	case object.Shortest != nil:
		p.Resize = [2]int{*object.Shortest, 0}
	default:
		p.Resize = [2]int{*object.Height, *object.Width}
	}
	return nil
}

func (c *hfConfig) centerCrop(p *Preprocess, fam family, known bool) error {
	on := fam.crop > 0
	if c.DoCenterCrop != nil {
		on = *c.DoCenterCrop
	} else if !known && c.CropSize != nil {
		return fmt.Errorf("do_center_crop: missing although crop_size is given, and the processor %s has no known default", c.typeName())
	}
	if !on {
		return nil
	}
	n, object, err := readSize("crop_size", c.CropSize)
	switch {
	case err != nil:
		return err
	case object != nil && object.Height == nil:
		return fmt.Errorf("crop_size: wants an integer or height and width")
	case object != nil:
		p.Crop = [2]int{*object.Height, *object.Width}
	case n != 0:
		p.Crop = [2]int{n, n}
	case fam.crop != 0:
		p.Crop = [2]int{fam.crop, fam.crop}
	default:
		return fmt.Errorf("crop_size: missing although do_center_crop is true")
	}
	return nil
}

// normalize folds Hugging Face's rescale (levels 0…255 times a factor) and normalisation into a mean and standard
// deviation for pixels in [0,1]: (255·f·x − m)/s = (x − m/(255f)) / (s/(255f)).
func (c *hfConfig) normalize(p *Preprocess, fam family, known bool) error {
	if c.RescaleOffset != nil && *c.RescaleOffset {
		return fmt.Errorf("rescale_offset: true is not supported")
	}
	factor := 1.0 / 255
	if c.RescaleFactor != nil {
		factor = *c.RescaleFactor
	}
	if c.DoRescale != nil && !*c.DoRescale {
		factor = 1
	}
	if !(factor > 0) || factor > 1e6 || factor < 1e-9 {
		return fmt.Errorf("rescale_factor: %g is not a usable positive number", factor)
	}
	unit := 255 * factor
	if c.DoNormalize != nil && !*c.DoNormalize {
		p.Std = [3]float64{1 / unit, 1 / unit, 1 / unit}
		return nil
	}
	mean, err := c.channel("image_mean", c.Mean, fam, known, clipMean)
	if err != nil {
		return err
	}
	std, err := c.channel("image_std", c.Std, fam, known, clipStd)
	if err != nil {
		return err
	}
	for i := range 3 {
		if !(std[i] > 0) {
			return fmt.Errorf("image_std: channel %d is %g, must be above 0", i, std[i])
		}
		p.Mean[i], p.Std[i] = mean[i]/unit, std[i]/unit
	}
	return nil
}

// channel returns three values of a field, or the processor's default.
func (c *hfConfig) channel(field string, v []float64, fam family, known bool, clip [3]float64) ([3]float64, error) {
	switch {
	case len(v) == 3:
		return [3]float64(v), nil
	case v != nil:
		return [3]float64{}, fmt.Errorf("%s: %d values, want 3", field, len(v))
	case !known:
		return [3]float64{}, fmt.Errorf("%s: missing, and the processor %s has no known default", field, c.typeName())
	case fam.mean == "clip":
		return clip, nil
	}
	return [3]float64{0.5, 0.5, 0.5}, nil
}

func (c *hfConfig) typeName() string {
	switch {
	case c.Type != nil:
		return fmt.Sprintf("%q", *c.Type)
	case c.OldType != nil:
		return fmt.Sprintf("%q", *c.OldType)
	}
	return "(unnamed)"
}

// readSize reads an integer (0 when absent) or an object, of which exactly one form must be present.
func readSize(field string, raw json.RawMessage) (int, *hfSize, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return 0, nil, nil
	}
	var n int
	if json.Unmarshal(raw, &n) == nil {
		if n < 1 {
			return 0, nil, fmt.Errorf("%s: %d must be at least 1", field, n)
		}
		return n, nil, nil
	}
	var o hfSize
	if err := json.Unmarshal(raw, &o); err != nil {
		return 0, nil, fmt.Errorf("%s: %s is neither an integer nor a size object", field, raw)
	}
	for _, v := range []*int{o.Shortest, o.Longest, o.Height, o.Width} {
		if v != nil && *v < 1 {
			return 0, nil, fmt.Errorf("%s: %d must be at least 1", field, *v)
		}
	}
	rect := o.Height != nil && o.Width != nil
	if (o.Height != nil) != (o.Width != nil) || rect == (o.Shortest != nil || o.Longest != nil) {
		return 0, nil, fmt.Errorf("%s: %s: want an integer, {shortest_edge} or {height, width}", field, raw)
	}
	return 0, &o, nil
}
