package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// The places in a command's arguments that are filled in.
const (
	imagePlace    = "{image}"    // path of a PNG file; without it the PNG comes on standard input
	questionPlace = "{question}" // the question about the image
)

// NewCommand is a command that gets a PNG and prints JSON on standard output. args are the program and its
// arguments, run without a shell; "{image}" in them becomes the path of the PNG, which comes on standard input
// where no argument has it, and "{question}" becomes the question. An exit code other than 0 is a failure that may
// pass.
func NewCommand(name string, args []string, r Reader, l Limits) (*BlackBox, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, fmt.Errorf("system %s: the command is empty", name)
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		return nil, fmt.Errorf("system %s: %w", name, err)
	}
	return newBlackBox(name, r, l, command(args).ask)
}

type command []string

func (c command) ask(ctx context.Context, picture []byte, question string, most int64) ([]byte, error) {
	args, file, err := c.fill(picture, question)
	if file != "" {
		defer os.Remove(file)
	}
	if err != nil {
		return nil, err
	}
	run := exec.CommandContext(ctx, args[0], args[1:]...)
	run.WaitDelay = time.Second // for children that hold the pipes open
	if file == "" {
		run.Stdin = bytes.NewReader(picture)
	}
	out, log := &bounded{most: most}, &tail{most: 2000}
	run.Stdout, run.Stderr = out, log
	err = run.Run()
	switch {
	case out.over:
		return nil, fmt.Errorf("the answer is longer than %d bytes", most)
	case err != nil:
		text := excerpt(log.kept)
		if text != "" {
			text = ": " + text
		}
		return nil, passing{error: fmt.Errorf("%s: %w%s", args[0], err, text)}
	}
	return out.kept, nil
}

// fill puts the picture and the question in their places.
func (c command) fill(picture []byte, question string) (args []string, file string, err error) {
	for i, a := range c {
		if i > 0 && strings.Contains(a, imagePlace) {
			if file == "" {
				if file, err = temporaryPNG(picture); err != nil {
					return nil, file, err
				}
			}
			a = strings.ReplaceAll(a, imagePlace, file)
		}
		args = append(args, strings.ReplaceAll(a, questionPlace, question))
	}
	return args, file, nil
}

func temporaryPNG(picture []byte) (string, error) {
	f, err := os.CreateTemp("", "plumbline-*.png")
	if err != nil {
		return "", err
	}
	_, err = f.Write(picture)
	return f.Name(), errors.Join(err, f.Close())
}

// bounded keeps what is written up to a limit and fails beyond it.
type bounded struct {
	kept []byte
	most int64
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(b.kept)+len(p)) > b.most {
		b.over = true
		return 0, errors.New("the answer is too long")
	}
	b.kept = append(b.kept, p...)
	return len(p), nil
}

// tail keeps the last bytes that are written.
type tail struct {
	kept []byte
	most int
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-t.most):]
	return len(p), nil
}
