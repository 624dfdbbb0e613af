package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Kind is what is wrong with a log.
type Kind string

const (
	Changed   Kind = "changed"   // a line does not fit its hash, or is no record
	Removed   Kind = "removed"   // line numbers are missing
	Reordered Kind = "reordered" // a line number comes again or too early
	Broken    Kind = "broken"    // a line does not follow from the one before: one of them was replaced
	Truncated Kind = "truncated" // the log ends before a line that was acknowledged
	NoHead    Kind = "no head"   // the head file is absent or invalid, so that truncation cannot be excluded
)

// Problem is one finding of Verify.
type Problem struct {
	Kind   Kind   `json:"kind"`
	Place  int    `json:"place"` // line of the file, from 1; 0 for the whole log
	Detail string `json:"detail"`
}

func (p Problem) String() string {
	if p.Place == 0 {
		return fmt.Sprintf("%s: %s", p.Kind, p.Detail)
	}
	return fmt.Sprintf("line %d: %s: %s", p.Place, p.Kind, p.Detail)
}

// Report is the result of Verify.
type Report struct {
	Head     Head      `json:"head"`     // of the whole lines found
	Size     int64     `json:"size"`     // bytes of the whole lines
	Torn     int64     `json:"torn"`     // bytes after the last whole line: an append that was never acknowledged
	Problems []Problem `json:"problems"` // at most maxProblems
}

const maxProblems = 100

// OK reports whether nothing is wrong. An unfinished last line is no problem.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Err returns the problems as one error, nil if there are none.
func (r *Report) Err() error {
	var errs []error
	for _, p := range r.Problems {
		errs = append(errs, errors.New(p.String()))
	}
	return errors.Join(errs...)
}

// VerifyOptions of Verify.
type VerifyOptions struct {
	Key []byte // the log's secret
	// Want is a head noted down earlier: the log must still hold that line. It may be the zero value.
	Want Head
}

// Verify reads a log from its beginning and reports every break of the chain. The error is for a log that cannot be read.
func Verify(path string, o VerifyOptions) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer f.Close()
	stored, ok, err := readHead(path, o.Key)
	if err != nil {
		return nil, err
	}
	v := &verifier{key: o.Key, report: &Report{Head: Head{Hash: noHash}}}
	if ok {
		v.want = append(v.want, stored)
	}
	if o.Want.Lines > 0 {
		v.want = append(v.want, o.Want)
	}
	if err := v.read(bufio.NewReaderSize(f, 1<<16)); err != nil {
		return nil, fmt.Errorf("audit: %s: %w", path, err)
	}
	v.finish(ok)
	return v.report, nil
}

type verifier struct {
	key    []byte
	want   []Head // lines that must be there
	found  []bool
	place  int
	report *Report
}

func (v *verifier) problem(k Kind, place int, format string, a ...any) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{k, place, fmt.Sprintf(format, a...)})
	}
}

// read goes through the whole lines.
func (v *verifier) read(r *bufio.Reader) error {
	v.found = make([]bool, len(v.want))
	for {
		text, err := readLine(r)
		if errors.Is(err, io.EOF) {
			v.report.Torn = int64(len(text))
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", v.place+1, err)
		}
		v.place++
		v.report.Size += int64(len(text))
		v.line(bytes.TrimSuffix(text, []byte{'\n'}))
	}
}

// readLine returns a line with its newline, or io.EOF with what is left.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part...)
		if len(text) > MaxLine {
			return nil, fmt.Errorf("longer than %d bytes", MaxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

// line checks one line and continues the chain from it.
func (v *verifier) line(text []byte) {
	l, err := decode(v.key, text)
	if err != nil {
		v.problem(Changed, v.place, "%v", err)
		v.report.Head.Lines++
		v.report.Head.Hash = "" // the next line cannot be checked against this one
		return
	}
	last := v.report.Head
	switch {
	case l.N > last.Lines:
		v.problem(Removed, v.place, "it is number %d, number %d was expected", l.N, last.Lines)
	case l.N < last.Lines:
		v.problem(Reordered, v.place, "it is number %d, number %d was expected", l.N, last.Lines)
	case last.Hash != "" && l.Prev != last.Hash:
		v.problem(Broken, v.place, "the hash of the line before is not the one it names")
	}
	v.report.Head = Head{l.N + 1, l.Hash}
	for i, w := range v.want {
		v.found[i] = v.found[i] || w == v.report.Head
	}
}

// finish compares with the heads that must be there.
func (v *verifier) finish(stored bool) {
	if !stored && v.report.Head.Lines > 0 {
		v.problem(NoHead, 0, "the head file is missing or invalid")
	}
	for i, w := range v.want {
		switch {
		case v.found[i]:
		case w.Lines > v.report.Head.Lines:
			v.problem(Truncated, 0, "%d lines were acknowledged, %d are left", w.Lines, v.report.Head.Lines)
		default:
			v.problem(Broken, 0, "line number %d is not the one that was acknowledged", w.Lines-1)
		}
	}
}
