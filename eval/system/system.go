// Package system makes whole downstream systems answer: an ONNX file run on the engine, a command, an HTTP
// endpoint, or anything that implements [System] in Go. A system sees pictures and gives the answer of one task;
// what is inside is its own business.
package system

import (
	"context"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// System is a downstream system: a picture in, the answer of one task out. It is safe for concurrent use.
type System interface {
	// Name is short, unique among the systems of a run, and stable: it keys results.
	Name() string
	Task() head.Task
	// Answer answers about one image. What a system cannot answer is an error that names the system; it
	// counts as that image's wrong answer and does not end the run. Classes in the answer are the data's.
	Answer(ctx context.Context, q Query) (head.Output, error)
}

// Query is one image and, where the task is [head.VQA], one question about it.
type Query struct {
	Image    *dataset.Sample // loaded: Image, Pixels, Width and Height are set
	Question string
}

// FileBased is implemented by systems that are shown 8-bit files: they see Pixels alone, and cannot tell an image
// from its rounded copy.
type FileBased interface{ FileBased() }
