package intake

import (
	"koodesk/app/market"
	"koodesk/app/store"
)

// effect is what an attempt did and what it answers.
type effect struct {
	answer   market.Answer
	response []byte  // the answer's very bytes, where it has been given before
	err      error   // why the answer is a refusal, for the operator
	changed  bool    // something was done
	tasks    bool    // follow-up work was written
	repeat   bool    // known, and nothing was done
	differs  bool    // same key, different content
	pending  bool    // a V1.0 purchase whose access data is not there yet
	seen     []int64 // row ids of instances whose front-end address no answer has given before
	lacks    bool    // an instance that was asked for is still being made
}

// sees notes that the answer gives the front-end address of an instance.
func (e *effect) sees(i *store.Instance) {
	if i.URLSeenAt.IsZero() {
		e.seen = append(e.seen, i.PK)
	}
}

// secret tells whether the answer holds access data or a License.
func (e effect) secret() bool {
	return len(e.answer.Info) > 0 || e.response != nil || e.answer.App != nil || e.answer.License != ""
}

func (e effect) status() string {
	if e.err != nil {
		return store.MessageFailed
	}
	return store.MessageSucceeded
}

func (e effect) disposition(m store.OpenMessage) string {
	switch {
	case e.differs:
		return store.Conflict
	case m.Fresh:
		return store.New
	case e.changed:
		return store.Applied
	default:
		return store.Repeat
	}
}
