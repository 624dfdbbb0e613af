package encoder

import "github.com/plumbline-ml/plumbline/internal/graph"

// traceMoved finds the originals of what fusion computes in another shape or with its axes in another order.
func (m *Model) traceMoved(fused *graph.Graph, original map[*graph.Value]*graph.Value) {
	for _, n := range fused.Nodes {
		if _, is := n.Op.(graph.Reshape); is && original[n.In[0]] == nil {
			original[n.In[0]] = original[n.Out[0]]
		}
	}
	for _, n := range fused.Turned {
		if was := original[n.Out[0]]; was != nil && original[n.In[0]] == nil {
			perm := n.Op.(graph.Transpose).Perm
			back := make([]int, len(perm))
			for i, p := range perm {
				back[p] = i
			}
			original[n.In[0]] = m.base.Transpose(was, back)
		}
	}
	for _, n := range fused.Nodes {
		if _, is := n.Op.(graph.Reshape); is && original[n.Out[0]] == nil {
			original[n.Out[0]] = original[n.In[0]]
		}
	}
}
