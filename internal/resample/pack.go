package resample

// pack lays rows out with one common tap count and adds the transpose.
func pack(in int, rows []row) *Axis {
	a := packRows(in, rows)
	a.adjoint = packRows(len(rows), transpose(in, rows))
	a.adjoint.adjoint = a
	a.identity = isIdentity(in, rows)
	a.adjoint.identity = a.identity
	return a
}

// packRows gives every row the same number of taps, so that the inner loops have a fixed length; windows
// are moved inward at the border and filled with zeros.
func packRows(in int, rows []row) *Axis {
	taps := 1
	for _, r := range rows {
		taps = max(taps, len(r.weight))
	}
	a := &Axis{In: in, Out: len(rows), Taps: taps, start: make([]int, len(rows)), weight: make([]float32, len(rows)*taps)}
	for o, r := range rows {
		a.start[o] = min(r.start, in-taps)
		shift := r.start - a.start[o]
		for i, v := range r.weight {
			a.weight[o*taps+shift+i] = float32(v)
		}
	}
	return a
}

// transpose returns the columns of rows as rows. Row windows move monotonically, so columns are contiguous.
func transpose(in int, rows []row) []row {
	first, last := make([]int, in), make([]int, in)
	for i := range first {
		first[i] = -1
	}
	for o, r := range rows {
		for k := range r.weight {
			if first[r.start+k] < 0 {
				first[r.start+k] = o
			}
			last[r.start+k] = o
		}
	}
	cols := make([]row, in)
	for i := range cols {
		if first[i] >= 0 {
			cols[i] = row{first[i], make([]float64, last[i]-first[i]+1)}
		}
	}
	for o, r := range rows {
		for k, v := range r.weight {
			c := cols[r.start+k]
			c.weight[o-c.start] = v
		}
	}
	return cols
}

func isIdentity(in int, rows []row) bool {
	if len(rows) != in {
		return false
	}
	for o, r := range rows {
		if r.start != o || len(r.weight) != 1 || r.weight[0] != 1 {
			return false
		}
	}
	return true
}
