package audit

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of a log.
type Options struct {
	Key []byte           // secret of the hashes; none: plain SHA-256
	Now func() time.Time // clock; nil: time.Now
}

// file is what a log needs of a file.
type file interface {
	io.Writer
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Close() error
}

// Log is an open log. It is safe for concurrent use; on Unix systems one process at a time can hold it.
type Log struct {
	mu     sync.Mutex
	path   string
	key    []byte
	now    func() time.Time
	log    file
	head   file
	size   int64
	last   Head
	broken error
}

// Open opens the log at path for appending, or starts one. An existing log is verified first: one that was tampered with
// is refused. What a killed process left of an unfinished line, never acknowledged, is cut off, and a line about that is
// appended.
func Open(path string, o Options) (*Log, error) {
	l := &Log{path: path, key: slices.Clone(o.Key), now: o.Now}
	if l.now == nil {
		l.now = time.Now
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("audit: %s is in use by another process: %w", path, err)
	}
	h, err := os.OpenFile(headPath(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("audit: %w", err)
	}
	l.log, l.head = f, h
	if err := l.resume(f); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// resume verifies what is there and continues it.
func (l *Log) resume(f *os.File) error {
	r, err := Verify(l.path, VerifyOptions{Key: l.key})
	if err != nil {
		return err
	}
	h, _, err := readHead(l.path, l.key)
	if err != nil {
		return err
	}
	if r.Head.Lines == 0 && h.Lines <= 1 {
		if !begun(f) {
			return fmt.Errorf("audit: %s is not an audit log", l.path)
		}
		if err := f.Truncate(0); err != nil {
			return fmt.Errorf("audit: cannot cut off the unfinished line: %w", err)
		}
		return l.begin()
	}
	if !r.OK() {
		return fmt.Errorf("audit: %s cannot be continued: %w", l.path, r.Err())
	}
	l.last, l.size = r.Head, r.Size
	if r.Torn == 0 {
		return nil
	}
	if err := f.Truncate(r.Size); err != nil {
		return fmt.Errorf("audit: cannot cut off the unfinished line: %w", err)
	}
	_, err = l.Append(map[string]any{"recovered": "an unfinished line was cut off", "bytes": r.Torn})
	return err
}

// begun reports whether f is empty or holds the beginning of a line 0, and so is ours to begin.
func begun(f *os.File) bool {
	const first = `{"n":0,"time":"`
	buf := make([]byte, len(first))
	n, err := f.ReadAt(buf, 0)
	return (err == nil || errors.Is(err, io.EOF)) && strings.HasPrefix(first, string(buf[:n]))
}

// begin writes line 0, which names the log, and makes the new files known to their folder.
func (l *Log) begin() error {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if _, err := l.Append(map[string]any{"log": hex.EncodeToString(id), "version": 1, "keyed": len(l.key) > 0}); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(l.path))
	if err != nil {
		return nil // a folder that cannot be opened cannot be synchronised either
	}
	defer dir.Close()
	_ = dir.Sync() // not every file system can
	return nil
}

// Append writes one event, any value that encoding/json can write, and returns the new head once the disk has it. After an
// error nothing was acknowledged; if the log is then in doubt every later Append fails too, and Open sorts it out.
func (l *Log) Append(event any) (Head, error) {
	raw, err := json.Marshal(event)
	if err != nil {
		return Head{}, fmt.Errorf("audit: event: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return Head{}, fmt.Errorf("audit: %s: an earlier write failed: %w", l.path, l.broken)
	}
	prev := l.last.Hash
	if l.last.Lines == 0 {
		prev = noHash
	}
	text, hash, err := encode(l.key, Line{N: l.last.Lines, Time: l.now(), Event: raw, Prev: prev})
	if err != nil {
		return Head{}, err
	}
	next := Head{l.last.Lines + 1, hash}
	if err := l.write(text, next); err != nil {
		return Head{}, fmt.Errorf("audit: %s: %w", l.path, err)
	}
	l.last, l.size = next, l.size+int64(len(text))
	return next, nil
}

// write forces a line and then its head to the disk; for line 0 the head goes first, so that a log without a head was
// never acknowledged nor merely interrupted.
func (l *Log) write(text []byte, next Head) error {
	if next.Lines == 1 {
		if err := l.writeHead(next); err != nil {
			return err
		}
	}
	n, err := l.log.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err != nil {
		if terr := l.log.Truncate(l.size); terr != nil {
			l.broken = errors.Join(err, terr)
		}
		return err
	}
	if err := l.log.Sync(); err != nil {
		l.broken = err // after a failed fsync nobody knows what the disk holds
		return err
	}
	if next.Lines == 1 {
		return nil
	}
	return l.writeHead(next)
}

// writeHead overwrites the older slot. If that fails the line stays in the log, unacknowledged, until Open.
func (l *Log) writeHead(h Head) error {
	_, err := l.head.WriteAt(encodeHead(l.key, h), int64(h.Lines%2)*slotSize)
	if err == nil {
		err = l.head.Sync()
	}
	l.broken = err
	return err
}

// Head returns the last acknowledged head, to be noted down elsewhere.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Close closes the files. Nothing is buffered.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.log.Close(), l.head.Close())
}
