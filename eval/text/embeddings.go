package text

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/npy"
)

// OpenEmbeddings reads an N×E .npy file of text embeddings, one row per prompt. Rows need not have unit
// length; a row of length zero or with a non-finite number is an error that names it.
func OpenEmbeddings(path string) ([][]float32, error) {
	data, shape, err := npy.Open(path)
	if err != nil {
		return nil, err
	}
	if len(shape) != 2 || shape[0] == 0 || shape[1] == 0 {
		return nil, fmt.Errorf("%s: shape %v, text embeddings are one row per prompt", path, shape)
	}
	rows := make([][]float32, shape[0])
	for i := range rows {
		rows[i] = data[i*shape[1] : (i+1)*shape[1]]
		var square float64
		for _, x := range rows[i] {
			square += float64(x) * float64(x)
		}
		if !(square > 0) || math.IsInf(square, 0) {
			return nil, fmt.Errorf("%s: row %d has length %v", path, i, math.Sqrt(square))
		}
	}
	return rows, nil
}
