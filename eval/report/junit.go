package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Body    string `xml:",chardata"`
}

// WriteJUnit writes one test case per gate and, in a second suite, one per cell of the matrix that is
// measured but not judged. A failed gate is a failure, an undecided one an error, and so is a system that was asked
// for and could not be made.
func (r *Report) WriteJUnit(w io.Writer) error {
	if err := r.Validate(); err != nil {
		return err
	}
	gates := junitSuite{Name: "gates", Cases: []junitCase{}}
	for _, g := range r.Gates {
		c := junitCase{Class: "plumbline.gates", Name: plain(g.Expression), Output: plain(g.Reason.String())}
		switch g.Status {
		case Failed:
			c.Failure = &junitMessage{"gate", plain(g.Reason.String()), plain(g.Expression)}
			gates.Failures++
		case Unknown:
			c.Error = &junitMessage{"undecided", plain(g.Reason.String()), plain(g.Expression)}
			gates.Errors++
		}
		gates.Cases = append(gates.Cases, c)
	}
	gates.Tests = len(gates.Cases)
	scores := junitSuite{Name: "scores"}
	for _, c := range r.Cells {
		m := r.System(c.System).Metric
		scores.Cases = append(scores.Cases, junitCase{Class: "plumbline.scores." + plain(c.System), Name: plain(c.Attack),
			Output: fmt.Sprintf("%s %s (%s), n = %d", m.Name, m.Format(c.Score.Value), m.FormatInterval(c.Score), c.Score.N)})
	}
	for _, f := range r.Flags {
		if f.Code == NotMade {
			scores.Cases = append(scores.Cases, junitCase{Class: "plumbline.scores", Name: plain(f.Text.Args[0]),
				Error: &junitMessage{NotMade, plain(f.Text.String()), ""}})
			scores.Errors++
		}
	}
	scores.Tests = len(scores.Cases)
	all := junitSuites{Name: plain(r.Title), Tests: gates.Tests + scores.Tests, Failures: gates.Failures, Errors: gates.Errors + scores.Errors,
		Suites: []junitSuite{gates, scores}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// plain drops what XML 1.0 cannot hold.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0xfffe || c == 0xffff {
			return -1
		}
		return c
	}, s)
}
