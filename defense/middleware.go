package defense

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// HeldError says that a monitor did not let a picture pass.
type HeldError struct{ Decision Decision }

func (e *HeldError) Error() string {
	return fmt.Sprintf("defense: %s: %s: %v", e.Decision.ID, e.Decision.Action, e.Decision.Reasons)
}

// Guarded returns next behind a monitor: next sees only pictures that pass; for the others the error is a *[HeldError].
func Guarded[T any](m *Monitor, next func(ctx context.Context, it Item, d Decision) (T, error)) func(context.Context, Item) (T, error) {
	return func(ctx context.Context, it Item) (T, error) {
		d, err := m.Inspect(ctx, it)
		var none T
		if err != nil {
			return none, err
		}
		if d.Action != Pass {
			return none, &HeldError{d}
		}
		return next(ctx, it, d)
	}
}

// Number is a float64 that JSON can hold even when it is not finite: "NaN", "+Inf", "-Inf" as text.
type Number float64

// MarshalJSON writes a number, or its name as text.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return json.Marshal(strconv.FormatFloat(f, 'g', -1, 64))
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Number) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return json.Unmarshal(b, (*float64)(n))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.IsNaN(f) || math.IsInf(f, 0)) {
		return fmt.Errorf("defense: %q is no number", text)
	}
	*n = Number(f)
	return nil
}

// digest is the SHA-256 of a picture's height, width and pixels, little-endian.
func (p Picture) digest() string {
	b := make([]byte, 0, 8+4*len(p.Pix))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.H))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.W))
	for _, v := range p.Pix {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
