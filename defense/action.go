package defense

import "fmt"

// Action is what becomes of a picture on an inspection line; a larger one is stricter.
type Action int

const (
	// Pass accepts the system's answer.
	Pass Action = iota
	// Person sends the picture to a person.
	Person
	// Stop halts the line.
	Stop
)

var actionNames = [...]string{"pass", "person", "stop"}

func (a Action) String() string {
	if a < Pass || a > Stop {
		return fmt.Sprintf("Action(%d)", int(a))
	}
	return actionNames[a]
}

// MarshalText writes pass, person or stop.
func (a Action) MarshalText() ([]byte, error) {
	if a < Pass || a > Stop {
		return nil, fmt.Errorf("defense: %v is no action", a)
	}
	return []byte(a.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (a *Action) UnmarshalText(text []byte) error {
	for i, n := range actionNames {
		if n == string(text) {
			*a = Action(i)
			return nil
		}
	}
	return fmt.Errorf("defense: %q is no action (want pass, person or stop)", text)
}
