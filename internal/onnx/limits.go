package onnx

import "fmt"

// Limits bounds what a model may take. The zero value of a number means none of it; start from
// [DefaultLimits].
type Limits struct {
	MaxBytes     int64 // bytes of all tensor data together, external files included
	MaxStructure int64 // bytes of memory for everything but tensor data (an estimate that errs upwards)
	MaxNodes     int   // nodes, those of subgraphs and functions included
	MaxDepth     int   // nesting of subgraphs; the main graph has depth 1

	// ExternalDir is the folder in which external data is looked for. Empty: Open uses the folder of the
	// model file, Read refuses external data.
	ExternalDir string
}

// DefaultLimits returns limits that every published vision encoder keeps by a wide margin: 16 GiB of
// weights, 192 MiB of structure, 100,000 nodes, subgraphs 16 deep.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 16 << 30, MaxStructure: 192 << 20, MaxNodes: 100_000, MaxDepth: 16}
}

// budget counts what has been used of the limits.
type budget struct {
	lim       Limits
	bytes     int64
	structure int64
	nodes     int
}

// Estimated memory of the structs that one message turns into, for the generated message and ours together.
const (
	costField     = 96
	costNode      = 512
	costAttribute = 512
	costTensor    = 448
	costValueInfo = 384
	costDim       = 128
)

func (b *budget) useStructure(n int64) error {
	if b.structure += n; b.structure > b.lim.MaxStructure {
		return fmt.Errorf("the model's structure exceeds the limit of %d bytes of memory", b.lim.MaxStructure)
	}
	return nil
}

func (b *budget) useBytes(n int64) error {
	if n > b.lim.MaxBytes-b.bytes {
		return fmt.Errorf("%d bytes of tensor data bring the model over the limit of %d", n, b.lim.MaxBytes)
	}
	b.bytes += n
	return nil
}

func (b *budget) useNode() error {
	if b.nodes++; b.nodes > b.lim.MaxNodes {
		return fmt.Errorf("the model has more than %d nodes", b.lim.MaxNodes)
	}
	return b.useStructure(costNode)
}
