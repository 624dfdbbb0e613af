package metric

import "github.com/plumbline-ml/plumbline/eval/dataset"

// Detection is a scored box in source pixels.
type Detection struct {
	dataset.Box
	Score float64
}
