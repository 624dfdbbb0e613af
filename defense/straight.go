package defense

import (
	"context"

	"gorgonia.org/tensor"

	"github.com/plumbline-ml/plumbline/encoder"
)

// Straight returns an encoder that answers like defended and has the gradient of plain at the same image: BPDA with
// the whole defence taken for the identity (arXiv 1802.00420 §4.1). It needs to know nothing of the defence, not even
// that it has a gradient. Both must have the same taps.
func Straight(defended, plain encoder.Encoder) encoder.Encoder { return &straight{defended, plain} }

type straight struct{ defended, plain encoder.Encoder }

var (
	_ Drawer          = (*straight)(nil)
	_ encoder.Resizer = (*straight)(nil)
)

func (e *straight) Spec() encoder.Spec {
	s := e.defended.Spec()
	s.Name += ", gradient of " + e.plain.Spec().Name
	return s
}

// Dynamic is that of the defended encoder.
func (e *straight) Dynamic() bool { return dynamic(e.defended) }

func (e *straight) Draw(i uint64) encoder.Encoder { return &straight{drawOf(e.defended, i), e.plain} }

func (e *straight) AtSize(h, w int) (encoder.Encoder, error) {
	d, err := encoder.AtSize(e.defended, h, w)
	if err != nil {
		return nil, err
	}
	p, err := encoder.AtSize(e.plain, h, w)
	if err != nil {
		return nil, err
	}
	return &straight{d, p}, nil
}

func (e *straight) Trace(ctx context.Context, images []*tensor.Dense, taps ...encoder.Tap) (encoder.Trace, error) {
	d, err := e.defended.Trace(ctx, images, taps...)
	if err != nil {
		return nil, err
	}
	p, err := e.plain.Trace(ctx, images, taps...)
	if err != nil {
		d.Close()
		return nil, err
	}
	return &straightTrace{d, p}, nil
}

type straightTrace struct {
	encoder.Trace
	plain encoder.Trace
}

func (t *straightTrace) VJP(ctx context.Context, cotangents []*tensor.Dense) ([]*tensor.Dense, error) {
	return t.plain.VJP(ctx, cotangents)
}

func (t *straightTrace) Close() {
	t.Trace.Close()
	t.plain.Close()
}
