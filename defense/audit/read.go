package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// Lines reads the whole lines of a log in order, each checked against its own hash; the chain as a whole is for [Verify].
// It ends with the first error. An unfinished last line is left out.
func Lines(path string, key []byte) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Line{}, fmt.Errorf("audit: %w", err))
			return
		}
		defer f.Close()
		r := bufio.NewReaderSize(f, 1<<16)
		for place := 1; ; place++ {
			text, err := readLine(r)
			if errors.Is(err, io.EOF) {
				return
			}
			var l Line
			if err == nil {
				l, err = decode(key, bytes.TrimSuffix(text, []byte{'\n'}))
			}
			if err != nil {
				yield(Line{}, fmt.Errorf("audit: %s: line %d: %w", path, place, err))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}
