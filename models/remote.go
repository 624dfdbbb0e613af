package models

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed remote
var remote embed.FS

// RemoteNames returns the names of published models that are not embedded but have a card here.
func RemoteNames() []string {
	entries, err := remote.ReadDir("remote")
	if err != nil {
		panic(err) // the folder's name is a constant
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(out)
	return out
}

// RemoteCard returns the card of a published model.
func RemoteCard(name string) (Card, error) {
	if !slices.Contains(RemoteNames(), name) {
		return Card{}, fmt.Errorf("models: no model %q; there are: %s", name, strings.Join(append(Names(), RemoteNames()...), ", "))
	}
	raw, err := remote.ReadFile(path.Join("remote", name+".json"))
	if err != nil {
		return Card{}, fmt.Errorf("models: %s: %w", name, err)
	}
	return ParseCard(raw)
}
