package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/eval/report"
	"github.com/plumbline-ml/plumbline/internal/atomicfile"
)

const (
	craftSchema  = "plumbline.attack/1"
	craftLogName = "journal.jsonl"
)

// craftHead says what a run of the attack command is about.
type craftHead struct {
	Schema     string            `json:"schema"`
	Tool       string            `json:"tool"`
	Arithmetic string            `json:"arithmetic"`
	Encoder    report.Artifact   `json:"encoder"`
	Surrogates []report.Artifact `json:"surrogates,omitempty"` // attacked together with it
	Attack     string            `json:"attack"`
	Threat     string            `json:"threat"`
	Eps        string            `json:"eps"`
	Inputs     inputConfig       `json:"inputs"`
}

// crafted is what was done to one picture. Distances are measured on the file.
type crafted struct {
	Image      string        `json:"image"`            // path below the folder given
	SHA256     string        `json:"sha256,omitempty"` // of its 8-bit pixels
	Status     string        `json:"status"`           // done, converged, succeeded, non-finite, failed, unreadable
	Reason     string        `json:"reason,omitempty"`
	File       string        `json:"file,omitempty"` // path below the output folder
	FileSHA256 string        `json:"file_sha256,omitempty"`
	Linf       report.Number `json:"linf"` // largest change, in units of 1/255
	L2         report.Number `json:"l2"`   // Euclidean norm, pixels in [0,1]
	PSNR       report.Number `json:"psnr"`
	SSIM       report.Number `json:"ssim"`

	Size        *report.Number `json:"size,omitempty"`         // in the norm of ε, where that is not L∞
	TokenCosine *report.Number `json:"token_cosine,omitempty"` // mean over patch tokens with the clean ones, last block
	Label       string         `json:"label,omitempty"`        // the truth, where a head is asked
	CleanAnswer string         `json:"clean_answer,omitempty"`
	Answer      string         `json:"answer,omitempty"`

	Objective  report.Number `json:"objective"` // as the attack reports it, at the image handed out
	Start      report.Number `json:"start"`     // the same at the first iterate
	Iterations int           `json:"iterations"`
	Forwards   int           `json:"forwards"`
	Backwards  int           `json:"backwards"`
	Queries    int           `json:"queries"`
	Seconds    float64       `json:"seconds,omitempty"` // in the journal only: two runs differ in it
	Warnings   []string      `json:"warnings,omitempty"`
}

// craftReport is the command's report.json.
type craftReport struct {
	craftHead
	Images []crafted `json:"images"`
	timed  []crafted // the same with seconds
}

func (r craftReport) failed() int {
	n := 0
	for _, c := range r.Images {
		if c.File == "" {
			n++
		}
	}
	return n
}

// right counts the pictures that the head is right about, clean and attacked.
func (r craftReport) right() (clean, attacked int) {
	for _, c := range r.Images {
		if c.File != "" && c.CleanAnswer == c.Label {
			clean++
		}
		if c.File != "" && c.Answer == c.Label {
			attacked++
		}
	}
	return clean, attacked
}

// err names the first picture that could not be attacked.
func (r craftReport) err() error {
	for _, c := range r.Images {
		if c.File == "" {
			return fmt.Errorf("%d of %d images could not be attacked; the first: %s", r.failed(), len(r.Images), c.Reason)
		}
	}
	return nil
}

// craftLog keeps what is finished, one line of JSON each, so that an interrupted run can continue.
type craftLog struct {
	head craftHead
	done map[string]crafted
	file *os.File
}

// openCraftLog starts a log, or with resume continues one of the same head.
func openCraftLog(path string, head craftHead, resume bool) (*craftLog, error) {
	l := &craftLog{head: head, done: map[string]crafted{}}
	kept := 0
	if resume {
		raw, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if kept, err = l.read(raw); err != nil {
			return nil, fmt.Errorf("%s: cannot resume: %w", path, err)
		}
	}
	var err error
	if l.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return nil, err
	}
	if err := l.file.Truncate(int64(kept)); err != nil {
		return nil, err
	}
	if _, err := l.file.Seek(int64(kept), io.SeekStart); err != nil {
		return nil, err
	}
	if kept == 0 {
		return l, l.write(head)
	}
	return l, nil
}

// read takes in whole lines and returns their length in bytes.
func (l *craftLog) read(raw []byte) (int, error) {
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	for n, line := range bytes.Split(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n")) {
		if len(raw) == 0 {
			break
		}
		if n == 0 {
			var old craftHead
			if err := json.Unmarshal(line, &old); err != nil {
				return 0, fmt.Errorf("line 1: %w", err)
			}
			if !reflect.DeepEqual(old, l.head) {
				return 0, errors.New("the earlier run had another encoder, attack, ε, seed or version")
			}
			continue
		}
		var c crafted
		if err := json.Unmarshal(line, &c); err != nil {
			return 0, fmt.Errorf("line %d: %w", n+1, err)
		}
		l.done[c.Image] = c
	}
	return len(raw), nil
}

func (l *craftLog) has(image string) bool {
	_, ok := l.done[image]
	return ok
}

func (l *craftLog) add(c crafted) error {
	l.done[c.Image] = c
	return l.write(c)
}

func (l *craftLog) write(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := l.file.Write(append(raw, '\n')); err != nil {
		return err
	}
	return l.file.Sync()
}

// close closes the log, and removes one that holds nothing.
func (l *craftLog) close() error {
	err := l.file.Close()
	if len(l.done) == 0 {
		err = errors.Join(err, os.Remove(l.file.Name()))
	}
	return err
}

// finish writes the report, images in order of path.
func (l *craftLog) finish(path string) (craftReport, error) {
	r := craftReport{craftHead: l.head}
	for _, c := range l.done {
		r.timed = append(r.timed, c)
		c.Seconds = 0
		r.Images = append(r.Images, c)
	}
	slices.SortFunc(r.Images, func(a, b crafted) int { return strings.Compare(a.Image, b.Image) })
	return r, atomicfile.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		return e.Encode(r)
	})
}
