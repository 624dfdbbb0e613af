package graph

import (
	"maps"
	"slices"
)

// OperatorNames lists what can be imported.
func OperatorNames() []string { return slices.Sorted(maps.Keys(importers)) }
