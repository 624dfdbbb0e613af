package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the report as GitHub-flavoured Markdown in one language, verdict first. run may be nil.
func (r *Report) WriteMarkdown(w io.Writer, l Lang, run *Run) error {
	if err := r.Validate(); err != nil {
		return err
	}
	m := &markdown{r: r, l: l}
	m.verdict()
	m.gates()
	m.heading("ui.matrix")
	if r.whiteBox() {
		m.printf("%s\n", m.t("ui.matrix.whitebox"))
	}
	for _, eps := range r.Budgets() {
		m.matrix(eps)
	}
	m.printf("\n%s\n", m.t("ui.detectable", r.Claim.Data.Images, r.detectable()))
	for _, eps := range r.Budgets() {
		m.further(eps)
	}
	m.defences(run)
	m.findings()
	m.doubts()
	m.costs()
	m.claim()
	_, err := io.WriteString(w, m.b.String())
	return err
}

type markdown struct {
	r *Report
	l Lang
	b strings.Builder
}

func (m *markdown) printf(format string, args ...any) { fmt.Fprintf(&m.b, format, args...) }

func (m *markdown) t(code string, args ...any) string { return m.text(T(code, args...)) }

func (m *markdown) text(t Text) string { return escapeMarkdown(t.In(m.l)) }

func (m *markdown) heading(code string) { m.printf("\n## %s\n\n", m.t(code)) }

var markdownEscapes = strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "\n", " ", "\r", " ")

func escapeMarkdown(s string) string { return markdownEscapes.Replace(s) }

// code quotes s as a code span, whatever backticks it holds.
func code(s string) string {
	s = strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

func (m *markdown) verdict() {
	v := m.r.Verdict
	m.printf("# %s\n\n**%s (%s)**\n", escapeMarkdown(m.r.Title), m.text(v.Headline), m.t("ui.status."+string(v.Status)))
	if len(v.Points) > 0 {
		m.printf("\n")
	}
	for _, p := range v.Points {
		m.printf("- %s\n", m.text(p))
	}
}

func (m *markdown) gates() {
	if len(m.r.Gates) == 0 {
		return
	}
	m.heading("ui.gates")
	m.printf("| %s | %s | %s |\n|---|---|---|\n", m.t("ui.gate"), m.t("ui.verdict"), m.t("ui.reason"))
	for _, g := range m.r.Gates {
		m.printf("| %s | %s | %s |\n", code(g.Expression), m.t("ui.status."+string(g.Status)), m.text(g.Reason))
	}
}

func (m *markdown) matrix(eps string) {
	v := m.r.matrix(eps)
	m.printf("\n### %s\n\n| %s | %s |", m.t("ui.budget", eps), m.t("ui.system"), m.t("ui.task"))
	for _, a := range v.Columns {
		m.printf(" %s |", m.attackName(a))
	}
	m.printf("\n|---|---|%s\n", strings.Repeat("---:|", len(v.Columns)))
	for _, row := range v.Rows {
		m.printf("| %s | %s |", escapeMarkdown(row.System.Name), m.t("task."+row.System.Task))
		m.cells(row.Cells)
	}
}

// cells ends a row.
func (m *markdown) cells(cells []cellView) {
	for _, c := range cells {
		switch {
		case c.Missing:
			m.printf(" – |")
		case c.Interval == "":
			m.printf(" %s |", c.Value)
		default:
			m.printf(" %s (%s) |", c.Value, c.Interval)
		}
	}
	m.printf("\n")
}

// further folds away what stands beside the matrix.
func (m *markdown) further(eps string) {
	v := m.r.further(eps)
	if len(v.Rows) == 0 {
		return
	}
	m.printf("\n<details><summary>%s, %s</summary>\n\n| %s | %s |", m.t("ui.further"), m.t("ui.budget", eps), m.t("ui.system"), m.t("ui.metric"))
	for _, a := range v.Columns {
		m.printf(" %s |", m.attackName(a))
	}
	m.printf("\n|---|---|%s\n", strings.Repeat("---:|", len(v.Columns)))
	for _, row := range v.Rows {
		name := escapeMarkdown(row.Name)
		if name == "" {
			name = m.text(row.Label)
		}
		m.printf("| %s | %s |", escapeMarkdown(row.System.Name), name)
		m.cells(row.Cells)
	}
	m.printf("\n</details>\n")
}

func (m *markdown) attackName(a Attack) string {
	switch a.Kind {
	case "clean":
		return m.t("ui.clean")
	case Worst:
		return m.t("ui.worst")
	}
	if a.Knowledge == "system" {
		return escapeMarkdown(a.Name + " *")
	}
	return escapeMarkdown(a.Name)
}

func (m *markdown) findings() {
	if len(m.r.Findings) > 0 {
		m.heading("ui.findings")
	}
	for _, u := range m.r.uses() {
		for _, g := range u.Groups {
			for _, f := range g.Findings {
				m.printf("\n### %s\n\n", m.text(f.Title))
				m.printf("- %s: %s\n- %s: %s\n", m.t("ui.needs"), m.text(f.Needs), m.t("ui.effect"), m.text(f.Effect))
			}
			m.printf("\n%s, %s:\n\n", m.t("task."+u.Task), m.t("ui.reduce"))
			for _, x := range g.Reduce {
				m.printf("- %s\n", m.text(x))
			}
			m.printf("- %s: %s\n- %s: %s\n", m.t("ui.met"), m.text(g.Met), m.t("ui.tags"), strings.Join(g.Findings[0].Tags, ", "))
		}
	}
}

func (m *markdown) doubts() {
	m.heading("ui.flags")
	if len(m.r.Flags) == 0 {
		m.printf("%s\n", m.t("ui.flags.none"))
	}
	for _, f := range m.r.Flags {
		m.printf("- %s %s\n", code(f.Code), m.text(f.Text))
	}
	m.heading("ui.nottested")
	m.printf("%s\n\n", m.t("ui.nottested.about"))
	for _, t := range m.r.NotTested {
		m.printf("- %s\n", m.text(t))
	}
}

func (m *markdown) costs() {
	m.heading("ui.cost")
	m.printf("| %s | %s | %s | %s | %s | %s |\n|---|---:|---:|---:|---:|---:|\n", m.t("ui.attack"), m.t("ui.forwards"),
		m.t("ui.backwards"), m.t("ui.queries"), m.t("ui.linf"), m.t("ui.psnr"))
	for _, c := range m.r.costs(nil) {
		m.printf("| %s, ε = %s | %d | %d | %d | %s | %s |\n", escapeMarkdown(c.Attack.Name), c.Attack.Eps,
			c.Attack.Cost.Forwards, c.Attack.Cost.Backwards, c.Attack.Cost.Queries, c.Linf, c.PSNR)
	}
}

func (m *markdown) claim() {
	c := m.r.Claim
	m.heading("ui.claim")
	m.printf("- %s: %s, sha256 %s\n", m.t("ui.encoder"), escapeMarkdown(c.Encoder.Name), code(c.Encoder.SHA256))
	m.printf("- %s: %s, %s, sha256 %s\n", m.t("ui.data"), escapeMarkdown(c.Data.Name), m.t("ui.images", c.Data.Images), code(c.Data.SHA256))
	for _, s := range c.Data.Skipped {
		m.printf("- %s: %s: %s\n", m.t("ui.skipped"), escapeMarkdown(s.File), escapeMarkdown(s.Reason))
	}
	m.printf("- %s: %d\n- %s: %s, %s\n", m.t("ui.seed"), c.Seed, m.t("ui.tool"), escapeMarkdown(c.Tool), escapeMarkdown(c.Arithmetic))
}
