package expr

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	calls, err := Parse(" jpeg( 75 , mode=soft )+bpda(tv(0.1)+median)+none")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range calls {
		names = append(names, c.Name)
	}
	if strings.Join(names, " ") != "jpeg bpda none" {
		t.Errorf("names %v", names)
	}
	a := NewArgs(calls[0])
	if q, m := a.Integer("quality", 1), a.Text("mode", ""); q != 75 || m != "soft" || a.Finish() != nil {
		t.Errorf("quality %d, mode %q, %v", q, m, a.Finish())
	}
	if inner := NewArgs(calls[1]).Text("of", ""); inner != "tv(0.1)+median" {
		t.Errorf("nested text %q", inner)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{"8/255": 8.0 / 255, "0.5": 0.5, "1e-3": 0.001, "-2": -2} {
		calls, err := Parse("f(" + text + ")")
		if err != nil {
			t.Fatal(err)
		}
		a := NewArgs(calls[0])
		if v := a.Number("x", 0); v != want || a.Finish() != nil {
			t.Errorf("%s: %g (%v)", text, v, a.Finish())
		}
		if printed := Print("f", want); text != "1e-3" && printed != "f("+text+")" {
			t.Errorf("%g prints as %s", want, printed)
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{"f(1))": "unexpected )", "f(": ") is missing", "+f": "a name is missing", "f(1)g": "after the arguments",
		strings.Repeat("x", 5000): "longer than"} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", Short(text), err)
		}
	}
	for text, want := range map[string]string{"f(1,2)": "one too many", "f(y=1)": `no parameter is named "y"`, "f(1,x=2)": "given twice", "f(a)": "not a number"} {
		calls, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		a := NewArgs(calls[0])
		a.Number("x", 0)
		if err := a.Finish(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
