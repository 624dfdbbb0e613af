package kernel

import "fmt"

// Broadcast is how two operands are stretched to a common shape, found once per shape.
//
// Neighbouring axes that both operands walk alike are merged, so equal shapes become one row, a bias becomes
// rows of its own length, and a per-channel factor becomes rows with one number each.
type Broadcast struct {
	size, xStride, yStride []int // outer axes, the row left out
	row, dx, dy            int   // length of a row and the step of each operand in it, 0 or 1
	total                  int
}

// NewBroadcast plans z = x op y under NumPy's rules: shapes are aligned at their last axis and an axis of size one
// is repeated. z must be the shape these rules give.
func NewBroadcast(z, x, y []int) (*Broadcast, error) {
	if len(z) != max(len(x), len(y)) {
		return nil, fmt.Errorf("broadcast: result %v of operands %v and %v must have rank %d", z, x, y, max(len(x), len(y)))
	}
	xs, xerr := stretch(z, x)
	ys, yerr := stretch(z, y)
	if xerr != nil || yerr != nil || !covers(z, x, y) {
		return nil, fmt.Errorf("broadcast: operands %v and %v do not give shape %v", x, y, z)
	}
	size := append([]int(nil), z...)
	n := collapse(size, xs, ys)
	p := &Broadcast{total: count(z), row: 1}
	if n > 0 {
		n--
		p.row, p.dx, p.dy = size[n], xs[n], ys[n]
	}
	p.size, p.xStride, p.yStride = size[:n], xs[:n], ys[:n]
	return p, nil
}

// stretch returns the strides that repeat a contiguous x over z.
func stretch(z, x []int) ([]int, error) {
	strides := make([]int, len(z))
	lead := len(z) - len(x)
	if lead < 0 {
		return nil, fmt.Errorf("rank %d is above %d", len(x), len(z))
	}
	for i, s := range contiguous(x) {
		switch {
		case x[i] < 0 || x[i] != 1 && x[i] != z[lead+i]:
			return nil, fmt.Errorf("axis %d of %v does not fit %v", i, x, z)
		case x[i] != 1:
			strides[lead+i] = s
		}
	}
	return strides, nil
}

// covers reports whether each axis of z that is not of size one comes from an operand.
func covers(z, x, y []int) bool {
	for i, n := range z {
		xi, yi := i-len(z)+len(x), i-len(z)+len(y)
		if n != 1 && (xi < 0 || x[xi] != n) && (yi < 0 || y[yi] != n) {
			return false
		}
	}
	return true
}

// Len returns the number of elements of the result.
func (p *Broadcast) Len() int { return p.total }

// Apply computes z = b(x, y). z may be an operand that has its shape.
func (p *Broadcast) Apply(b Binary, z, x, y []float32) { p.ApplyRange(b, z, x, y, 0, p.total) }

// ApplyRange computes the elements lo ≤ i < hi of z, for callers that split work.
func (p *Broadcast) ApplyRange(b Binary, z, x, y []float32, lo, hi int) {
	for lo < hi {
		r, c := lo/p.row, lo%p.row
		n := min(p.row-c, hi-lo)
		xat := offset(r, p.size, p.xStride) + c*p.dx
		yat := offset(r, p.size, p.yStride) + c*p.dy
		binaryRow(b, z[lo:lo+n], x[xat:xat+(n-1)*p.dx+1], p.dx, y[yat:yat+(n-1)*p.dy+1], p.dy)
		lo += n
	}
}
