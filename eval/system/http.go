package system

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// NewHTTP is an endpoint that takes a PNG by POST (Content-Type image/png) and returns JSON. A question comes as
// the query parameter "question". In the values of headers, ${NAME} becomes the environment variable of that name,
// so that a secret need not be in a configuration. Status 408, 425, 429 and 5xx and broken connections are failures
// that may pass; Retry-After is honoured up to a minute. Other statuses than 2xx are final.
func NewHTTP(name, address string, headers map[string]string, r Reader, l Limits) (*BlackBox, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("system %s: %q is no http or https address", name, address)
	}
	e := &endpoint{url: u, header: http.Header{"Content-Type": {"image/png"}, "Accept": {"application/json"}}}
	for k, v := range headers {
		e.header.Set(k, os.Expand(v, os.Getenv))
	}
	return newBlackBox(name, r, l, e.ask)
}

type endpoint struct {
	url    *url.URL
	header http.Header
	client http.Client
}

func (e *endpoint) ask(ctx context.Context, picture []byte, question string, most int64) ([]byte, error) {
	u := *e.url
	if question != "" {
		q := u.Query()
		q.Set("question", question)
		u.RawQuery = q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	req.Header = e.header.Clone()
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, passing{error: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return nil, passing{error: fmt.Errorf("reading the answer: %w", err)}
	case resp.StatusCode/100 != 2:
		return nil, refused(resp, raw)
	case int64(len(raw)) > most:
		return nil, fmt.Errorf("the answer is longer than %d bytes", most)
	}
	return raw, nil
}

// refused is the error for a status that is no success.
func refused(resp *http.Response, raw []byte) error {
	err := fmt.Errorf("status %s: %s", resp.Status, excerpt(raw))
	switch s := resp.StatusCode; {
	case s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return passing{error: err, after: time.Duration(min(max(seconds, 0), 3600)) * time.Second}
	}
	return err
}
