package encoder

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxPreprocessConfig bounds the size in bytes of a preprocessor_config.json.
const maxPreprocessConfig = 1 << 20

// family holds what one of Hugging Face's image processors assumes about absent fields.
type family struct {
	size     int    // default size
	shortest bool   // an integer size is the shorter side, not a square
	crop     int    // default crop_size; 0 for processors that do not crop
	resample int    // default PIL filter code
	mean     string // default mean and std: "clip" or "half"
}

// families are Hugging Face's processors by class name without its ending (…ImageProcessor, …FeatureExtractor).
var families = map[string]family{
	"CLIP":   {size: 224, shortest: true, crop: 224, resample: 3, mean: "clip"},
	"Bit":    {size: 224, shortest: true, crop: 224, resample: 3, mean: "clip"},
	"ViT":    {size: 224, resample: 2, mean: "half"},
	"Siglip": {size: 224, resample: 3, mean: "half"},
	"DeiT":   {size: 256, crop: 224, resample: 3, mean: "half"},
}

// hfConfig mirrors the fields of preprocessor_config.json that change the network input.
type hfConfig struct {
	Type          *string         `json:"image_processor_type"`
	OldType       *string         `json:"feature_extractor_type"`
	DoResize      *bool           `json:"do_resize"`
	Size          json.RawMessage `json:"size"`
	Resample      *int            `json:"resample"`
	DoCenterCrop  *bool           `json:"do_center_crop"`
	CropSize      json.RawMessage `json:"crop_size"`
	CropPct       *float64        `json:"crop_pct"`
	DoRescale     *bool           `json:"do_rescale"`
	RescaleFactor *float64        `json:"rescale_factor"`
	RescaleOffset *bool           `json:"rescale_offset"`
	DoNormalize   *bool           `json:"do_normalize"`
	Mean          []float64       `json:"image_mean"`
	Std           []float64       `json:"image_std"`
}

// ReadPreprocessorConfig reads Hugging Face's preprocessor_config.json: do_resize, size, resample, do_center_crop,
// crop_size, do_rescale, rescale_factor, do_normalize, image_mean, image_std. Absent fields take the defaults of the
// processor named in image_processor_type (CLIP when none is named; ViT, Siglip, Bit and DeiT are known too). Values
// that cannot be honoured, contradict each other or have no default give an error that names the field.
func ReadPreprocessorConfig(path string) (Preprocess, error) {
	f, err := os.Open(path)
	if err != nil {
		return Preprocess{}, fmt.Errorf("encoder: preprocessor config: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPreprocessConfig+1))
	if err != nil {
		return Preprocess{}, fmt.Errorf("encoder: preprocessor config %s: %w", path, err)
	}
	if len(data) > maxPreprocessConfig {
		return Preprocess{}, fmt.Errorf("encoder: preprocessor config %s: larger than %d bytes", path, maxPreprocessConfig)
	}
	p, err := parsePreprocessorConfig(data)
	if err != nil {
		return Preprocess{}, fmt.Errorf("encoder: preprocessor config %s: %w", path, err)
	}
	p.Source = path
	return p, nil
}

func parsePreprocessorConfig(data []byte) (Preprocess, error) {
	var c hfConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return Preprocess{}, err
	}
	if err := refuseUnknownSteps(data); err != nil {
		return Preprocess{}, err
	}
	fam, known := c.family()
	p := Preprocess{CropRule: CropFloor}
	for _, step := range []func(*Preprocess, family, bool) error{c.resize, c.centerCrop, c.normalize} {
		if err := step(&p, fam, known); err != nil {
			return Preprocess{}, err
		}
	}
	return p, p.Validate()
}

// family returns the defaults of the processor that the file names, and whether it is a known one.
func (c *hfConfig) family() (family, bool) {
	name := "CLIP"
	switch {
	case c.Type != nil:
		name = *c.Type
	case c.OldType != nil:
		name = *c.OldType
	}
	name = strings.TrimSuffix(name, "Fast")
	name = strings.TrimSuffix(strings.TrimSuffix(name, "ImageProcessor"), "FeatureExtractor")
	fam, ok := families[name]
	return fam, ok
}

// refuseUnknownSteps fails on a processing step (do_…) that is switched on and not one of ours: leaving it out would
// change the picture silently. do_convert_rgb changes nothing here, since images are RGB already.
func refuseUnknownSteps(data []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	known := map[string]bool{"do_resize": true, "do_center_crop": true, "do_rescale": true, "do_normalize": true, "do_convert_rgb": true}
	for name, v := range all {
		if strings.HasPrefix(name, "do_") && !known[name] && string(v) != "false" && string(v) != "null" {
			return fmt.Errorf("%s: %s is a step that is not supported", name, v)
		}
	}
	return nil
}
