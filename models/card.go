package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Card says what a model is, where it comes from, what it may be used for and how images reach it.
// Preprocessing is part of a model's identity: the same weights behind another resize are another model.
type Card struct {
	Name         string             `json:"name"`
	Summary      string             `json:"summary"`
	Source       string             `json:"source"`  // who made it, how
	License      string             `json:"license"` // SPDX identifier of the weights' licence
	Data         []Data             `json:"data"`    // what it was trained on
	Architecture string             `json:"architecture"`
	Preprocess   encoder.Preprocess `json:"preprocess"`
	Files        []File             `json:"files"`             // the first is the ONNX model
	Classes      map[string]string  `json:"classes,omitempty"` // class folder of a data set → prompt
	Scores       []Score            `json:"scores,omitempty"`
	Export       string             `json:"export,omitempty"` // how to make the file, where none can be fetched
	Limits       string             `json:"limits"`           // what it must not be taken for
}

// Data is one source of training images.
type Data struct {
	Name     string `json:"name"`
	Split    string `json:"split"`
	Citation string `json:"citation"`
	Terms    string `json:"terms"`
}

// File is one file of a model with what proves it whole.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`        // lower-case hexadecimal; empty where the publisher gives none
	URL    string `json:"url,omitempty"` // where it can be fetched; empty when it is embedded
}

// Score is one published figure of the model with its origin.
type Score struct {
	Metric string  `json:"metric"`
	Data   string  `json:"data"`
	Value  float64 `json:"value"`
	N      int     `json:"n,omitempty"` // number of images; 0 when the source does not say
	Origin string  `json:"origin"`      // who measured it
}

// ParseCard reads a card and refuses unknown fields and missing ones.
func ParseCard(raw []byte) (Card, error) {
	var c Card
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return Card{}, fmt.Errorf("models: card: %w", err)
	}
	return c, c.Validate()
}

// Validate reports the first missing or malformed field.
func (c Card) Validate() error {
	switch {
	case c.Name == "":
		return errors.New("models: card without a name")
	case c.Source == "" || c.License == "":
		return fmt.Errorf("models: card %s: source and licence are required", c.Name)
	case len(c.Files) == 0 && c.Export == "":
		return fmt.Errorf("models: card %s names no file", c.Name)
	}
	for _, f := range c.Files {
		if f.SHA256 == "" && f.URL != "" {
			continue // fetching it needs the user's consent
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("models: card %s: file %s: sha256 %q is not 64 hexadecimal digits", c.Name, f.Name, f.SHA256)
		}
	}
	return nil
}

// File returns the entry called name.
func (c Card) File(name string) (File, bool) {
	for _, f := range c.Files {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}

// Verify reads r to its end and compares length and SHA-256 with the entry. It reads at most one byte
// more than the entry declares.
func (f File) Verify(r io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, f.Bytes+1))
	if err != nil {
		return fmt.Errorf("models: %s: %w", f.Name, err)
	}
	if n != f.Bytes {
		return fmt.Errorf("models: %s: length differs from the card's %d bytes", f.Name, f.Bytes)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("models: %s: sha256 is %s, the card says %s", f.Name, got, f.SHA256)
	}
	return nil
}
