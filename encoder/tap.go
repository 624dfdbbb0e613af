package encoder

import (
	"fmt"
	"strconv"
	"strings"
)

// Tap names a place in the network whose activation can be read and given a cotangent. A name that is
// none of those below is taken as the name of an ONNX tensor.
type Tap string

const (
	// Stem is the token sequence that enters block 0 (B×T×D).
	Stem Tap = "stem"
	// Tokens is the output of the last block (B×T×D).
	Tokens Tap = "tokens"
	// Embedding is the pooled output (B×E).
	Embedding Tap = "embedding"
)

// Block is the output of block i, counted from 0 (B×T×D).
func Block(i int) Tap { return Tap("block." + strconv.Itoa(i)) }

// Queries, Keys, Values and AttentionOut are the attention inputs and the attention's own output of
// block i, heads side by side (B×T×D).
func Queries(i int) Tap      { return Block(i) + ".q" }
func Keys(i int) Tap         { return Block(i) + ".k" }
func Values(i int) Tap       { return Block(i) + ".v" }
func AttentionOut(i int) Tap { return Block(i) + ".attn" }

// BlockIndex returns i if t is Block(i).
func (t Tap) BlockIndex() (i int, ok bool) {
	rest, found := strings.CutPrefix(string(t), "block.")
	if !found {
		return 0, false
	}
	i, err := strconv.Atoi(rest)
	return i, err == nil && i >= 0
}

// Layers returns Stem and every block's output: the taps of PRM's loss.
func (s Spec) Layers() []Tap {
	taps := []Tap{Stem}
	for i := range s.Depth {
		taps = append(taps, Block(i))
	}
	return taps
}

func (t Tap) String() string { return fmt.Sprint(string(t)) }
