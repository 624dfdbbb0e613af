package encoder

import "github.com/plumbline-ml/plumbline/internal/train"

// unread are the elements of a parameter that no layer reads as they are: those of a tensor part of which the file
// computes with, as the projection of a constant query in an attention pool. They keep their values.
type unread struct {
	param *train.Param
	at    []int32
	value []float32
}

// findUnread lists them for all parameters.
func (t *Trainable) findUnread() {
	read := map[*train.Param][]bool{}
	whole := map[*train.Param]bool{}
	for _, s := range t.order {
		for _, p := range s.pieces {
			if p.from == nil {
				whole[p.param] = true
				continue
			}
			if read[p.param] == nil {
				read[p.param] = make([]bool, len(p.param.Value))
			}
			for _, i := range p.from {
				read[p.param][i] = true
			}
		}
	}
	for _, p := range t.params {
		if whole[p] {
			continue
		}
		u := unread{param: p}
		for i, is := range read[p] {
			if !is {
				u.at, u.value = append(u.at, int32(i)), append(u.value, p.Value[i])
			}
		}
		if len(u.at) > 0 {
			t.unread = append(t.unread, u)
		}
	}
}

// restoreUnread undoes what was done to them, as decay of all weights does.
func (t *Trainable) restoreUnread() {
	for _, u := range t.unread {
		for j, i := range u.at {
			u.param.Value[i] = u.value[j]
		}
	}
}
