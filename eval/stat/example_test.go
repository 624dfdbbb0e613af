package stat_test

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/eval/stat"
)

// Of 120 images 103 are classified right; under attack 12 of these are lost and 1 is gained.
func Example() {
	fmt.Println("clean accuracy", stat.Wilson(103, 120, 0.95))
	d := stat.Discordant{OnlyA: 12, OnlyB: 1, N: 120}
	fmt.Printf("drop %.3f, p = %.4f\n", d.Drop(), d.McNemar())
	least, err := stat.MinimumDetectableDrop(120, 0, 0.05, 0.8)
	fmt.Printf("120 images can show a drop of %.3f %v\n", least, err)
	// Output:
	// clean accuracy [0.785, 0.91] at 95 %
	// drop 0.092, p = 0.0034
	// 120 images can show a drop of 0.065 <nil>
}
