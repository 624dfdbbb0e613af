package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/plumbline-ml/plumbline/encoder"
	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
	"github.com/plumbline-ml/plumbline/eval/metric"
	"github.com/plumbline-ml/plumbline/eval/report"
)

// maxPNG bounds a file that the judge reads back.
const maxPNG = 1 << 30

// JudgeFile reads the adversarial file name (slash-separated, below dir) back and measures it against the clean image, with code of its
// own: what the attack says about itself plays no part. It returns the sample that systems are shown.
func JudgeFile(dir, name string, clean *dataset.Sample, epsLevels int) (report.Outcome, *dataset.Sample, error) {
	o := report.Outcome{File: name, Status: "ok"}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if st, err := os.Stat(path); err != nil {
		return o, nil, err
	} else if st.Size() > maxPNG {
		return o, nil, fmt.Errorf("%s: %d bytes are too many", path, st.Size())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return o, nil, err
	}
	pixels, err := dataset.DecodeImage(raw)
	if err != nil {
		return o, nil, fmt.Errorf("%s: %w", path, err)
	}
	shown := *clean
	if err := shown.SetPixels(pixels); err != nil {
		return o, nil, fmt.Errorf("%s: %w", path, err)
	}
	d, err := metric.Compare(clean.Pixels, pixels)
	if err != nil {
		return o, nil, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(raw)
	o.SHA256 = hex.EncodeToString(sum[:])
	o.Linf, o.L2 = report.Number(d.Linf), report.Number(d.L2)
	o.L0 = d.L0
	o.Changed = report.Number(float64(d.L0) / float64(clean.Width*clean.Height))
	o.PSNR, o.SSIM = report.Number(d.PSNR), report.Number(d.SSIM)
	o.Inside = d.Linf <= epsLevels
	return o, &shown, nil
}

// measureDrift fills the outcome's layers and token grid from activations of the clean and the judged
// image at the encoder's layers.
func measureDrift(o *report.Outcome, spec encoder.Spec, clean, adv []head.Activation) error {
	var drifts []metric.Drift
	for l := range clean {
		shape := clean[l].Shape
		if len(shape) != 2 {
			o.Feature = report.Number(math.NaN())
			return nil // convolutional stages have no tokens
		}
		d, err := metric.TokenDrift(clean[l].Data, adv[l].Data, shape[1], spec.Prefix())
		if err != nil {
			return err
		}
		drifts = append(drifts, d)
		o.Layers = append(o.Layers, report.Number(1-d.Cosine))
		if l == len(clean)-1 && spec.Grid[0]*spec.Grid[1] == len(d.Patches) {
			o.Tokens = &report.Grid{Rows: spec.Grid[0], Cols: spec.Grid[1]}
			for _, p := range d.Patches {
				o.Tokens.Values = append(o.Tokens.Values, report.Number(round(1-p, 4)))
			}
		}
	}
	o.Feature = report.Number(metric.FeatureDistance(drifts))
	return nil
}

// round keeps d decimals: token grids are for looking at, and reports should stay small.
func round(x float64, d int) float64 {
	f := math.Pow10(d)
	return math.Round(x*f) / f
}
