package pretrain

import (
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/eval/dataset"
)

// TestCells checks that pixels come patch by patch, row by row, as class indices.
func TestCells(t *testing.T) {
	m := dataset.NewMask(4, 4)
	for i := range m.Pix {
		m.Pix[i] = uint16(i + 1)
	}
	m.Pix[0] = dataset.Background
	want := []uint8{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15}
	if got := cells(m, 2); !slices.Equal(got, want) {
		t.Errorf("cells %v, want %v", got, want)
	}
}
