package encoder

import (
	"fmt"
)

// Save writes the model, as it was read, to path: the original graph with all its nodes, names and
// metadata. The same model always gives the same bytes, and saving what was saved gives them again.
func (m *Model) Save(path string) error {
	if m.source == nil {
		return fmt.Errorf("encoder: %s was not read from a file that can be saved again", m.spec.Name)
	}
	if err := m.source.Save(path); err != nil {
		return fmt.Errorf("encoder: %w", err)
	}
	return nil
}
