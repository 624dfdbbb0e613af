package models

import (
	"bytes"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	for _, name := range Names() {
		m, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if m.Card.Name != name {
			t.Errorf("card of %s is called %s", name, m.Card.Name)
		}
		if len(m.Labels.Prompts) != 12 || m.Labels.LogitScale <= 0 {
			t.Errorf("labels: %d prompts, scale %g", len(m.Labels.Prompts), m.Labels.LogitScale)
		}
		// What the card says about preprocessing is what the labels file recorded in training.
		if m.Card.Preprocess.Mean != m.Labels.Mean || m.Card.Preprocess.Std != m.Labels.Std {
			t.Errorf("card normalises with %v %v, training used %v %v",
				m.Card.Preprocess.Mean, m.Card.Preprocess.Std, m.Labels.Mean, m.Labels.Std)
		}
		if m.Card.Preprocess.Crop != [2]int{m.Labels.ImageSize, m.Labels.ImageSize} {
			t.Errorf("crop %v, image size %d", m.Card.Preprocess.Crop, m.Labels.ImageSize)
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	_, err := Open("inspect-huge")
	if err == nil || !strings.Contains(err.Error(), Default) {
		t.Errorf("error should name the models there are: %v", err)
	}
}

func TestVerify(t *testing.T) {
	m, err := Open(Default)
	if err != nil {
		t.Fatal(err)
	}
	f := m.Card.Files[0]
	flipped := bytes.Clone(m.ONNX)
	flipped[len(flipped)/2] ^= 1
	for name, raw := range map[string][]byte{
		"flipped": flipped,
		"short":   m.ONNX[:len(m.ONNX)-1],
		"long":    append(bytes.Clone(m.ONNX), 0),
		"empty":   nil,
	} {
		if f.Verify(bytes.NewReader(raw)) == nil {
			t.Errorf("%s file passed", name)
		}
	}
	if err := f.Verify(bytes.NewReader(m.ONNX)); err != nil {
		t.Error(err)
	}
}

func TestParseCardRefuses(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `[]`, `{"name":"a"}`,
		`{"name":"a","source":"s","license":"MIT","files":[]}`,
		`{"name":"a","source":"s","license":"MIT","files":[{"name":"f","bytes":1,"sha256":"zz"}]}`,
		`{"name":"a","licence":"MIT"}`,
	} {
		if _, err := ParseCard([]byte(raw)); err == nil {
			t.Errorf("accepted %s", raw)
		}
	}
}
