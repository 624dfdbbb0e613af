package dataset

import (
	"fmt"
	"testing"
)

func TestMaskBoxes(t *testing.T) {
	m := &Mask{Width: 6, Height: 4, Pix: []uint16{
		1, 1, 0, 0, 2, 2,
		0, 1, 0, 0, 0, 2,
		0, 0, 1, 0, 0, 0,
		3, 0, 0, 0, Void, 1,
	}}
	got := fmt.Sprint(m.Boxes(2))
	want := fmt.Sprint([]Box{{X0: 0, Y0: 0, X1: 3, Y1: 3, Class: 0}, {X0: 4, Y0: 0, X1: 6, Y1: 2, Class: 1}})
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if n := len(m.Boxes(1)); n != 4 {
		t.Errorf("%d groups of any size", n)
	}
}

func TestDescribe(t *testing.T) {
	d := &Dataset{Classes: []string{"MT_Free", "big_dent"}, Samples: []*Sample{
		{ID: "a", Label: 0}, {ID: "b", Label: 1, Boxes: make([]Box, 2)}, {ID: "c", Label: NoLabel}, {ID: "d", Label: 1, Captions: []string{"mine"}},
	}}
	out := d.Describe("tile", "MT_Free")
	if c := out.Samples[0]; c.Captions[0] != "a photo of tile without defects" || c.QA[0].Answers[0] != "no" || c.QA[1].Answers[0] != "none" {
		t.Errorf("%+v", c)
	}
	if c := out.Samples[1]; c.Captions[0] != "a photo of tile with big dent" || c.QA[1].Answers[0] != "big dent" || c.QA[2].Answers[0] != "2" {
		t.Errorf("%+v", c)
	}
	if out.Samples[2].Captions != nil || out.Samples[3].Captions[0] != "mine" || d.Samples[0].Captions != nil {
		t.Error("what was there was changed")
	}
}
