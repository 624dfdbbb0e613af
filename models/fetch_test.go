package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shop serves one file in a way that tests choose, and remembers the ranges asked for.
type shop struct {
	*httptest.Server
	data   []byte
	serve  func(w http.ResponseWriter, r *http.Request, data []byte)
	ranges []string
}

func newShop(t *testing.T, serve func(w http.ResponseWriter, r *http.Request, data []byte)) *shop {
	s := &shop{data: bytes.Repeat([]byte("plumbline weights "), 50000), serve: serve}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ranges = append(s.ranges, r.Header.Get("Range"))
		s.serve(w, r, s.data)
	}))
	t.Cleanup(s.Close)
	return s
}

// whole answers as file servers do.
func wholeFile(w http.ResponseWriter, r *http.Request, data []byte) {
	http.ServeContent(w, r, "m.onnx", time.Unix(1, 0), bytes.NewReader(data))
}

func (s *shop) file() File {
	sum := sha256.Sum256(s.data)
	return File{Name: "m.onnx", Bytes: int64(len(s.data)), SHA256: hex.EncodeToString(sum[:]), URL: s.URL + "/m.onnx"}
}

func (s *shop) fetcher() Fetcher { return Fetcher{Client: s.Client(), Wait: time.Millisecond} }

// breaking sends n bytes of what is asked for and cuts the line, as often as times says.
func breaking(n, times int) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, r *http.Request, data []byte) {
		if times--; times < 0 {
			wholeFile(w, r, data)
			return
		}
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
			w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		}
		_, _ = w.Write(data[from:min(from+n, len(data))]) // the client notices
		panic(http.ErrAbortHandler)
	}
}

func TestFetch(t *testing.T) {
	s := newShop(t, wholeFile)
	dir := t.TempDir()
	last := int64(0)
	d := s.fetcher()
	d.Progress = func(done, total int64) {
		if done < last || total != int64(len(s.data)) {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}
	path, err := d.Fetch(context.Background(), s.file(), dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, s.data) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
	if _, err := d.Fetch(context.Background(), s.file(), dir); err != nil || len(s.ranges) != 1 {
		t.Errorf("a file that is there was asked for again: %v", err)
	}
}

// TestFetchInterrupted cuts the line twice within one call, and in another across calls.
func TestFetchInterrupted(t *testing.T) {
	s := newShop(t, breaking(200000, 2))
	if _, err := s.fetcher().Fetch(context.Background(), s.file(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"", "bytes=200000-", "bytes=400000-"}; fmt.Sprint(s.ranges) != fmt.Sprint(want) {
		t.Errorf("asked for %q, want %q", s.ranges, want)
	}

	s = newShop(t, breaking(300000, 1))
	dir := t.TempDir()
	d := s.fetcher()
	d.Attempts = 1
	if _, err := d.Fetch(context.Background(), s.file(), dir); err == nil {
		t.Fatal("a broken download is no error")
	}
	if _, err := os.Stat(filepath.Join(dir, "m.onnx")); err == nil {
		t.Error("a broken download has the file's name")
	}
	if _, err := d.Fetch(context.Background(), s.file(), dir); err != nil {
		t.Fatal(err)
	}
	if s.ranges[1] != "bytes=300000-" {
		t.Errorf("continued with %q", s.ranges[1])
	}
}

func TestFetchFromServersWithoutRanges(t *testing.T) {
	s := newShop(t, func(w http.ResponseWriter, _ *http.Request, data []byte) { _, _ = w.Write(data) })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "m.onnx.part"), s.data[:1000], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := s.fetcher().Fetch(context.Background(), s.file(), dir); err != nil {
		t.Fatal(err)
	}
}

// TestFetchStalePart begins with a part that holds something else.
func TestFetchStalePart(t *testing.T) {
	s := newShop(t, wholeFile)
	for _, part := range [][]byte{bytes.Repeat([]byte("x"), 1000), bytes.Repeat([]byte("x"), len(s.data)), bytes.Repeat([]byte("x"), 2*len(s.data))} {
		dir := t.TempDir()
		name := filepath.Join(dir, "m.onnx.part")
		if err := os.WriteFile(name, part, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := s.fetcher().Fetch(context.Background(), s.file(), dir)
		if err != nil && !strings.Contains(err.Error(), "sha256") {
			t.Errorf("part of %d bytes: %v", len(part), err)
		}
		if err != nil { // the wrong part is gone, so the second attempt is clean
			if _, err := s.fetcher().Fetch(context.Background(), s.file(), dir); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	corrupted := newShop(t, func(w http.ResponseWriter, _ *http.Request, data []byte) {
		bad := bytes.Clone(data)
		bad[len(bad)/2] ^= 1
		_, _ = w.Write(bad)
	})
	endless := newShop(t, func(w http.ResponseWriter, r *http.Request, data []byte) {
		for r.Context().Err() == nil {
			if _, err := w.Write(data); err != nil {
				return
			}
		}
	})
	declared := newShop(t, func(w http.ResponseWriter, _ *http.Request, data []byte) {
		w.Header().Set("Content-Length", "1099511627776")
	})
	short := newShop(t, func(w http.ResponseWriter, _ *http.Request, data []byte) { _, _ = w.Write(data[:100]) })
	missing := newShop(t, func(w http.ResponseWriter, r *http.Request, _ []byte) { http.NotFound(w, r) })
	broken := newShop(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(503) })
	lying := newShop(t, func(w http.ResponseWriter, _ *http.Request, data []byte) {
		w.Header().Set("Content-Range", "bytes 5-9/10")
		w.WriteHeader(http.StatusPartialContent)
	})
	for _, c := range []struct {
		name string
		s    *shop
		want string
	}{
		{"corrupted", corrupted, "sha256"}, {"endless", endless, "longer than"}, {"too long by its own words", declared, "at most"},
		{"short", short, "length"}, {"missing", missing, "404"}, {"out of order", broken, "503"}, {"another range", lying, "asked for"},
	} {
		dir := t.TempDir()
		_, err := c.s.fetcher().Fetch(context.Background(), c.s.file(), dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "m.onnx") {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "m.onnx")); err == nil {
			t.Errorf("%s: the file was kept", c.name)
		}
	}
	if len(broken.ranges) != 4 || len(missing.ranges) != 1 {
		t.Errorf("%d and %d attempts, want 4 for what may pass and 1 for what will not", len(broken.ranges), len(missing.ranges))
	}
}

func TestFetchUnknownHash(t *testing.T) {
	s := newShop(t, wholeFile)
	f := s.file()
	f.SHA256, f.Bytes = "", 0
	if _, err := s.fetcher().Fetch(context.Background(), f, t.TempDir()); !errors.Is(err, ErrUnknownHash) || len(s.ranges) > 0 {
		t.Errorf("%v after %d requests", err, len(s.ranges))
	}
	d := s.fetcher()
	d.AcceptUnknown = true
	if _, err := d.Fetch(context.Background(), f, t.TempDir()); err != nil {
		t.Error(err)
	}
	d.Limit = 1000
	if _, err := d.Fetch(context.Background(), f, t.TempDir()); err == nil || !strings.Contains(err.Error(), "1000") {
		t.Errorf("a file beyond the limit: %v", err)
	}
}

func TestFetchOnlyPlainNamesOverHTTPS(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for _, f := range []File{
		{Name: "a", SHA256: sum, URL: "http://example.org/a"}, {Name: "a", SHA256: sum}, {Name: "a", SHA256: sum, URL: "file:///etc/passwd"},
		{Name: "../a", SHA256: sum, URL: "https://example.org/a"}, {Name: "", SHA256: sum, URL: "https://example.org/a"},
		{Name: ".a", SHA256: sum, URL: "https://example.org/a"}, {Name: `b\a`, SHA256: sum, URL: "https://example.org/a"},
	} {
		if _, err := (Fetcher{}).Fetch(context.Background(), f, t.TempDir()); err == nil {
			t.Errorf("%+v was fetched", f)
		}
	}
}

func TestFetchFollowsOnlyHTTPS(t *testing.T) {
	s := newShop(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		http.Redirect(w, r, "http://127.0.0.1:1/m.onnx", http.StatusFound)
	})
	d := Fetcher{Wait: time.Millisecond}
	client := d.client()
	client.Transport = s.Client().Transport
	d.Client = client
	if _, err := d.Fetch(context.Background(), s.file(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "redirected") {
		t.Errorf("followed a redirect to plain HTTP: %v", err)
	}
}

func TestFetchCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := newShop(t, func(w http.ResponseWriter, r *http.Request, data []byte) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := s.fetcher().Fetch(ctx, s.file(), t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestRemoteCards(t *testing.T) {
	if len(RemoteNames()) < 8 {
		t.Errorf("cards of %v", RemoteNames())
	}
	for _, name := range RemoteNames() {
		c, err := RemoteCard(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Name != name || c.Limits == "" || !strings.Contains(c.Architecture, "taps") {
			t.Errorf("%s: the card is incomplete: %+v", name, c)
		}
		if err := c.Preprocess.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range c.Files {
			if err := (Fetcher{AcceptUnknown: true}).check(f); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := RemoteCard("clip-huge"); err == nil || !strings.Contains(err.Error(), "siglip") {
		t.Errorf("error should name what there is: %v", err)
	}
}
