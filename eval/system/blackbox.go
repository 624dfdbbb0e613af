package system

import (
	"bytes"
	"context"
	"fmt"
	"image/png"

	"github.com/plumbline-ml/plumbline/eval/head"
)

// BlackBox is a system of which only answers are seen: it is sent a PNG and returns JSON, see [Reader].
type BlackBox struct {
	name   string
	reader Reader
	caller *caller
	ask    asker
}

// asker sends one picture and returns what came back.
type asker func(ctx context.Context, picture []byte, question string, most int64) ([]byte, error)

var (
	_ System    = (*BlackBox)(nil)
	_ FileBased = (*BlackBox)(nil)
)

func newBlackBox(name string, r Reader, l Limits, ask asker) (*BlackBox, error) {
	c, err := newCaller(l)
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("system %s: %w", name, err)
	}
	return &BlackBox{name: name, reader: r, caller: c, ask: ask}, nil
}

// Name, Task and FileBased implement [System] and [FileBased].
func (b *BlackBox) Name() string    { return b.name }
func (b *BlackBox) Task() head.Task { return b.reader.Task }
func (b *BlackBox) FileBased()      {}

// Parallel is how many questions may be open at once.
func (b *BlackBox) Parallel() int { return b.caller.limits.Parallel }

// Answer implements [System].
func (b *BlackBox) Answer(ctx context.Context, q Query) (head.Output, error) {
	out, err := b.answer(ctx, q)
	if err != nil {
		err = fmt.Errorf("system %s: image %s: %w", b.name, q.Image.ID, err)
	}
	return out, err
}

func (b *BlackBox) answer(ctx context.Context, q Query) (head.Output, error) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, q.Image.Pixels); err != nil {
		return head.Output{}, err
	}
	raw, err := b.caller.call(ctx, func(ctx context.Context) ([]byte, error) {
		return b.ask(ctx, picture.Bytes(), q.Question, b.caller.limits.MaxBytes)
	})
	if err != nil {
		return head.Output{}, err
	}
	return b.reader.Read(raw, q.Image.Width, q.Image.Height)
}

// excerpt is the beginning of what a system said, in one line.
func excerpt(raw []byte) string {
	const most = 200
	text := string(bytes.Join(bytes.Fields(bytes.ToValidUTF8(raw[:min(len(raw), most)], []byte("?"))), []byte(" ")))
	if len(raw) > most {
		text += "…"
	}
	return text
}
