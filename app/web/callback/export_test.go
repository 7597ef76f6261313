package callback

// Settle waits until every refused call so far is diagnosed.
func (h *Handler) Settle() { h.ward.group.Wait() }

// EndFloods ends the windows of floods as if their time was over.
func (h *Handler) EndFloods() { h.floods.endAll() }
