package surfaces_test

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/eval/surfaces"
)

func ExampleNew() {
	d, err := surfaces.New(surfaces.Config{Seed: 1, N: 5, Size: 64})
	if err != nil {
		fmt.Println(err)
		return
	}
	for s, err := range d.All() {
		fmt.Println(d.Classes[s.Label], s.Width, s.Captions[0], err)
	}
	// Output:
	// none 64 a photo of brushed metal without defects <nil>
	// scratch 64 a photo of cast metal with 2 large scratches, center <nil>
	// dent 64 a photo of woven fabric with a large dent, top <nil>
	// stain 64 a photo of printed sheet with a small stain, top <nil>
	// crack 64 a photo of ceramic tile with a large crack, center <nil>
}
