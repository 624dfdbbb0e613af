package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/plumbline-ml/plumbline/eval/dataset"
	"github.com/plumbline-ml/plumbline/eval/head"
)

// TestMain is also the command that the tests run: with PLUMBLINE_TEST_SYSTEM set, the test binary is a system.
func TestMain(m *testing.M) {
	if mode := os.Getenv("PLUMBLINE_TEST_SYSTEM"); mode != "" {
		os.Exit(testSystem(mode, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// testSystem says "bright" or "dark" by the first pixel of the PNG on standard input or in the named file.
func testSystem(mode string, args []string) int {
	switch mode {
	case "fail":
		fmt.Fprintln(os.Stderr, "no camera")
		return 3
	case "hang":
		time.Sleep(time.Minute)
	case "long":
		fmt.Print(strings.Repeat("x", 1<<20))
		return 0
	case "question":
		fmt.Printf(`{"answer": %q}`, strings.ToUpper(args[1]))
		return 0
	}
	in := io.Reader(os.Stdin)
	if len(args) > 0 {
		f, err := os.Open(args[0])
		if err != nil {
			return 1
		}
		defer f.Close()
		in = f
	}
	p, err := png.Decode(in)
	if err != nil {
		return 1
	}
	fmt.Println(brightness(p))
	return 0
}

func brightness(p image.Image) string {
	if r, _, _, _ := p.At(0, 0).RGBA(); r > 0x7fff {
		return `{"scores": {"bright": 0.9, "dark": 0.1}}`
	}
	return `{"label": "dark"}`
}

// flat is an image of one level of grey.
func flat(t testing.TB, level uint8) *dataset.Sample {
	t.Helper()
	p := image.NewNRGBA(image.Rect(0, 0, 4, 3))
	for i := range p.Pix {
		p.Pix[i] = level
		if i%4 == 3 {
			p.Pix[i] = 255
		}
	}
	s := &dataset.Sample{ID: fmt.Sprint("flat-", level), Label: dataset.NoLabel}
	if err := s.SetPixels(p); err != nil {
		t.Fatal(err)
	}
	return s
}

func classifier(t testing.TB) Reader {
	t.Helper()
	c, err := NewClasses([]string{"dark", "bright"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Reader{Task: head.Classification, Classes: c}
}

// quickly retries without waiting.
func quickly() Limits {
	l := DefaultLimits()
	l.Backoff = time.Microsecond
	return l
}

func ask(s System, im *dataset.Sample, question string) (head.Output, error) {
	return s.Answer(context.Background(), Query{Image: im, Question: question})
}

func TestCommand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{self}, {self, "{image}"}} {
		t.Setenv("PLUMBLINE_TEST_SYSTEM", "look")
		s, err := NewCommand("line", args, classifier(t), quickly())
		if err != nil {
			t.Fatal(err)
		}
		for level, want := range map[uint8]int{20: 0, 200: 1} {
			if got, err := ask(s, flat(t, level), ""); err != nil || got.Label != want {
				t.Errorf("%v: level %d is class %d, %v", args[1:], level, got.Label, err)
			}
		}
	}
	for mode, want := range map[string]string{
		"fail": "exit status 3: no camera (after 3 attempts)", "hang": "no answer within", "long": "longer than 1000 bytes",
	} {
		t.Setenv("PLUMBLINE_TEST_SYSTEM", mode)
		l := quickly()
		l.MaxBytes = 1000
		if mode == "hang" {
			l.Timeout, l.Retries = 50*time.Millisecond, 1
		}
		s, err := NewCommand("line", []string{self}, classifier(t), l)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = ask(s, flat(t, 9), ""); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "system line: image flat-9: ") {
			t.Errorf("%s: %v", mode, err)
		}
	}
	t.Setenv("PLUMBLINE_TEST_SYSTEM", "question")
	r := classifier(t)
	r.Task = head.VQA
	s, err := NewCommand("line", []string{self, "{image}", "{question}"}, r, quickly())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ask(s, flat(t, 9), "is it ok?"); err != nil || got.Text != "IS IT OK?" {
		t.Errorf("%q, %v", got.Text, err)
	}
	if _, err := NewCommand("line", []string{"no-such-program-anywhere"}, r, quickly()); err == nil {
		t.Error("a program that is not there was accepted")
	}
}

func TestHTTP(t *testing.T) {
	var calls atomic.Int64
	t.Setenv("LINE_TOKEN", "secret")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		raw, err := io.ReadAll(r.Body)
		p, errPNG := png.Decode(bytes.NewReader(raw))
		if err != nil || errPNG != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "image/png" || r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		switch r.URL.Path {
		case "/flaky":
			if n < 3 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
		case "/down":
			http.Error(w, "no\nGPU", http.StatusBadGateway)
			return
		case "/gone":
			http.Error(w, "moved away", http.StatusGone)
			return
		case "/slow":
			<-r.Context().Done()
			return
		case "/long":
			w.Write(make([]byte, 5000))
			return
		case "/html":
			io.WriteString(w, "<html>")
			return
		case "/ask":
			fmt.Fprintf(w, `{"answer": %q}`, r.URL.Query().Get("question")+"/"+r.URL.Query().Get("v"))
			return
		}
		io.WriteString(w, brightness(p))
	}))
	defer server.Close()
	for _, c := range []struct {
		path, fails string
		calls       int64
	}{
		{"/", "", 1}, {"/flaky", "", 3}, {"/down", "502 Bad Gateway: no GPU (after 3 attempts)", 3}, {"/gone", "410 Gone: moved away", 1},
		{"/slow", "no answer within", 3}, {"/long", "longer than 4096 bytes", 1}, {"/html", "no JSON object", 1},
	} {
		calls.Store(0)
		l := quickly()
		l.MaxBytes = 4096
		if c.path == "/slow" {
			l.Timeout = 30 * time.Millisecond
		}
		s, err := NewHTTP("line", server.URL+c.path, map[string]string{"Authorization": "Bearer ${LINE_TOKEN}"}, classifier(t), l)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ask(s, flat(t, 200), "")
		if c.fails == "" && (err != nil || got.Label != 1) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: class %d, %v", c.path, got.Label, err)
		}
		if calls.Load() != c.calls {
			t.Errorf("%s: %d calls, want %d", c.path, calls.Load(), c.calls)
		}
	}
	r := classifier(t)
	r.Task = head.VQA
	s, err := NewHTTP("line", server.URL+"/ask?v=2", map[string]string{"Authorization": "Bearer secret"}, r, quickly())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ask(s, flat(t, 9), "how many?"); err != nil || got.Text != "how many?/2" {
		t.Errorf("%q, %v", got.Text, err)
	}
	for _, bad := range []string{"ftp://host/", "line3", "http://"} {
		if _, err := NewHTTP("line", bad, nil, r, quickly()); err == nil {
			t.Errorf("the address %q was accepted", bad)
		}
	}
}

// TestLimits: at a rate that has no second attempt before the deadline, the second one fails at once; no more than
// Parallel attempts are open; a cancelled run is no answer.
func TestLimits(t *testing.T) {
	l := quickly()
	l.Rate, l.Parallel = 1e-6, 2
	c, err := newCaller(l)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	yes := func(context.Context) ([]byte, error) { return []byte("yes"), nil }
	if _, err := c.call(ctx, yes); err != nil {
		t.Fatal(err)
	}
	if _, err := c.call(ctx, yes); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("the second attempt in eleven days: %v", err)
	}

	l.Rate = 0
	if c, err = newCaller(l); err != nil {
		t.Fatal(err)
	}
	var open, most atomic.Int64
	done := make(chan error, 20)
	for range cap(done) {
		go func() {
			_, err := c.call(ctx, func(context.Context) ([]byte, error) {
				n := open.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Millisecond)
				open.Add(-1)
				return nil, nil
			})
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() > 2 {
		t.Errorf("%d attempts were open at once", most.Load())
	}

	stopped, stop := context.WithCancelCause(context.Background())
	why := errors.New("stopped")
	_, err = c.call(stopped, func(context.Context) ([]byte, error) {
		stop(why)
		return nil, passing{error: errors.New("busy")}
	})
	if !errors.Is(err, why) {
		t.Errorf("a stopped call: %v", err)
	}
	for _, text := range []string{"retries: -1", "parallel: 0", "rate: .nan", "max_bytes: 0", "timeout: -3s", "timout: 3s"} {
		var bad Limits
		if err := yaml.Unmarshal([]byte(text), &bad); err == nil && bad.Validate() == nil {
			t.Errorf("limits %q were accepted", text)
		}
	}
	var some Limits
	if err := yaml.Unmarshal([]byte("timeout: 3s"), &some); err != nil || some.Timeout != 3*time.Second || some.Retries != 2 || some.Validate() != nil {
		t.Errorf("%+v, %v", some, err)
	}
}
