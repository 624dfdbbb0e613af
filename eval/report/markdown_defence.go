package report

import (
	"slices"
	"strings"
)

// defences writes a table per budget, and under it what each row comes to.
func (m *markdown) defences(run *Run) {
	tables := m.r.defenceTables(run)
	if len(tables) == 0 {
		return
	}
	m.heading("ui.defences")
	m.printf("%s\n", m.t("ui.defences.about"))
	for _, t := range tables {
		m.printf("\n### %s\n\n| %s | %s |", m.t("ui.budget", t.Eps), m.t("ui.defence"), m.t("ui.clean"))
		for _, role := range DefenceRoles() {
			m.printf(" %s |", m.text(role))
		}
		m.printf(" %s | %s |\n|---|%s\n", m.t("ui.worst"), m.t("ui.latency"), strings.Repeat("---:|", len(Roles)+3))
		for _, row := range t.Rows {
			m.printf("| %s |", code(row.label()))
			m.cells(slices.Concat([]cellView{row.Clean}, row.Cells, []cellView{row.Worst, {Value: row.Latency}}))
		}
		m.printf("\n")
		for _, row := range t.Rows {
			m.printf("- %s: %s\n", code(row.label()), m.text(row.Verdict))
			for _, f := range row.Flags {
				m.printf("  - %s %s\n", code(f.Code), m.text(f.Text))
			}
		}
	}
}

// label names the row's defence, and its system where there are several.
func (d defenceRow) label() string {
	if d.Many {
		return d.Name + ", " + d.SystemName
	}
	return d.Name
}
