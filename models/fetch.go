package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrUnknownHash is wrapped by the error about a file whose card states no SHA-256.
var ErrUnknownHash = errors.New("no SHA-256 is known")

// Fetcher downloads the files of cards over HTTPS. A download that is interrupted leaves NAME.part, which
// the next one continues; a file appears under its own name only when length and SHA-256 are right.
type Fetcher struct {
	Client        *http.Client            // nil for one that only follows redirects to HTTPS
	AcceptUnknown bool                    // fetch files whose card states no SHA-256
	Limit         int64                   // largest file whose length the card does not state, bytes; 0 for 4 GiB
	Attempts      int                     // connections tried before giving up; 0 for 4
	Wait          time.Duration           // before the second attempt, doubled for each further one; 0 for a second
	Progress      func(done, total int64) // total is -1 while it is not known
}

// defaultLimit is the size up to which a file of unknown length is fetched.
const defaultLimit = 4 << 30

// Fetch downloads f to the folder dir, unless it is there and whole, and returns its path.
func (d Fetcher) Fetch(ctx context.Context, f File, dir string) (string, error) {
	if err := d.check(f); err != nil {
		return "", err
	}
	path := filepath.Join(dir, f.Name)
	if whole(path, f) {
		return path, nil
	}
	part := path + ".part"
	err := d.persist(ctx, f, part)
	if err == nil {
		err = d.finish(f, part, path)
	}
	if err != nil {
		return "", fmt.Errorf("models: %s from %s: %w", f.Name, f.URL, err)
	}
	return path, nil
}

// persist tries until the part file is complete, as long as trying again can help.
func (d Fetcher) persist(ctx context.Context, f File, part string) (err error) {
	wait, attempts := d.Wait, d.Attempts
	if wait == 0 {
		wait = time.Second
	}
	if attempts == 0 {
		attempts = 4
	}
	for k := range attempts {
		if k > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait << (k - 1)):
			}
		}
		if err = d.transfer(ctx, f, part); err == nil || !temporary(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// check refuses what must not be fetched.
func (d Fetcher) check(f File) error {
	u, err := url.Parse(f.URL)
	switch {
	case f.URL == "":
		return fmt.Errorf("models: %s: the card names no place to fetch it from", f.Name)
	case err != nil || u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("models: %s: %q is not an HTTPS address", f.Name, f.URL)
	case f.Name == "" || f.Name != filepath.Base(f.Name) || strings.ContainsAny(f.Name, `/\`) || f.Name[0] == '.':
		return fmt.Errorf("models: %q is no plain file name", f.Name)
	case f.SHA256 == "" && !d.AcceptUnknown:
		return fmt.Errorf("models: %s: %w to check the download against", f.Name, ErrUnknownHash)
	}
	return nil
}

// whole tells whether a file is there and is the one of the card; without a hash it never is.
func whole(path string, f File) bool {
	r, err := os.Open(path)
	if err != nil || f.SHA256 == "" {
		return false
	}
	defer r.Close()
	return f.Verify(r) == nil
}

// temporaryError is worth another attempt.
type temporaryError struct{ error }

func (e temporaryError) Unwrap() error { return e.error }

func temporary(err error) bool {
	var t temporaryError
	return errors.As(err, &t)
}

// limit is the number of bytes that may be read.
func (d Fetcher) limit(f File) int64 {
	switch {
	case f.Bytes > 0:
		return f.Bytes
	case d.Limit > 0:
		return d.Limit
	}
	return defaultLimit
}

// transfer continues the part file to the end of the answer.
func (d Fetcher) transfer(ctx context.Context, f File, part string) error {
	have := int64(0)
	if st, err := os.Stat(part); err == nil {
		have = st.Size()
	}
	if have > d.limit(f) {
		have = 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	res, err := d.client().Do(req)
	if err != nil {
		return temporaryError{err}
	}
	defer res.Body.Close()
	from, total, err := answer(res, have)
	if err != nil || from == total && from > 0 {
		return err
	}
	if total > d.limit(f) {
		return fmt.Errorf("it has %d bytes, at most %d are allowed", total, d.limit(f))
	}
	if err := d.store(res.Body, part, from, total, d.limit(f)); err != nil {
		return err
	}
	return ctx.Err() // an answer that the end of the context cut short may look whole
}

func (d Fetcher) client() *http.Client {
	if d.Client != nil {
		return d.Client
	}
	return &http.Client{CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if req.URL.Scheme != "https" || len(via) > 5 {
			return fmt.Errorf("redirected to %s", req.URL.Redacted())
		}
		return nil
	}}
}

// answer tells from which byte on the body goes and how long the whole file is, -1 if that is not said.
func answer(res *http.Response, have int64) (from, total int64, err error) {
	switch res.StatusCode {
	case http.StatusOK:
		return 0, res.ContentLength, nil
	case http.StatusPartialContent:
		var first, last int64
		var size string
		if _, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/%s", &first, &last, &size); err != nil || first != have {
			return 0, 0, fmt.Errorf("asked for bytes from %d, the answer holds %q", have, res.Header.Get("Content-Range"))
		}
		if total, err = strconv.ParseInt(size, 10, 64); err != nil {
			total = -1
		}
		return first, total, nil
	case http.StatusRequestedRangeNotSatisfiable: // the part is the whole, or not of this file
		return have, have, nil
	}
	err = fmt.Errorf("the server answers %s", res.Status)
	if res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests {
		err = temporaryError{err}
	}
	return 0, 0, err
}

// store writes the body behind the first from bytes of the part file.
func (d Fetcher) store(body io.Reader, part string, from, total, limit int64) (err error) {
	w, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.Truncate(from); err != nil {
		return err
	}
	if _, err := w.Seek(from, io.SeekStart); err != nil {
		return err
	}
	buf := make([]byte, 1<<17)
	for {
		n, readErr := body.Read(buf)
		if from += int64(n); from > limit {
			return fmt.Errorf("it is longer than the %d bytes allowed", limit)
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		if d.Progress != nil {
			d.Progress(from, total)
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return temporaryError{readErr}
		}
	}
	if total >= 0 && from < total {
		return temporaryError{io.ErrUnexpectedEOF}
	}
	return w.Sync()
}

// finish compares the part with the card and gives it its name. A part that is wrong is removed.
func (d Fetcher) finish(f File, part, path string) error {
	if f.SHA256 != "" {
		r, err := os.Open(part)
		if err != nil {
			return err
		}
		err = f.Verify(r)
		if err = errors.Join(err, r.Close()); err != nil {
			if rm := os.Remove(part); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
				err = errors.Join(err, rm)
			}
			return err
		}
	}
	return os.Rename(part, path)
}
