package callback

// Settle waits until every refused call so far is diagnosed.
func (h *Handler) Settle() { h.ward.group.Wait() }
