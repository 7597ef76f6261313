package store

import "context"

// decidedBatch bounds how many deliveries one look notes as decided.
const decidedBatch = "1000"

// openFailure says of a delivery d that it was given up, and that nobody has noted yet
// that it is over for good: an index holds these alone.
const openFailure = `d.status = 'failed'
           AND NOT d.decided`

// overForGood says of a failed delivery d that nobody need decide about it any more,
// whatever comes but another try of it: its failure is closed, nobody can be told any
// more, its fall-back has arrived, or what it says can never be so again.
const overForGood = `(NOT ` + notClosed + `
            OR d.to_sealed = ''
            OR EXISTS (SELECT 1 FROM deliveries f WHERE f.fallback_of = d.id AND f.status = 'succeeded')
            OR d.kind = 'expiry_notice' AND d.about_expiry < now() - interval '24 hours'
            OR d.kind <> 'released' AND EXISTS (SELECT 1 FROM instances i WHERE i.id = d.instance_pk AND i.status = 'released'))`

// noteDecided takes what is over for good out of what the numbers on the pages are
// counted from.
const noteDecided = `
UPDATE deliveries
   SET decided = TRUE
 WHERE status = 'failed'
   AND id IN (SELECT d.id
                FROM deliveries d
               WHERE ` + openFailure + `
                 AND ` + overForGood + `
               LIMIT ` + decidedBatch + `
                 FOR NO KEY UPDATE SKIP LOCKED)`

// takeUpAgain ends the note of what failed again before its delivery went on: its task is
// in a group that is open.
const takeUpAgain = `
UPDATE deliveries
   SET decided = FALSE
 WHERE id IN (SELECT d.id
                FROM failure_groups g
                JOIN tasks t ON t.failure_group = g.id
                JOIN deliveries d ON d.id = t.delivery_id
               WHERE g.resolved_at IS NULL
                 AND g.step IN ('deliver', 'notice')
                 AND t.status = 'failed'
                 AND d.decided
                 AND NOT ` + overForGood + `
                 FOR NO KEY UPDATE OF d SKIP LOCKED)`

// SettleDeliveries notes of given-up deliveries that they are over for good. It may run
// at any time and any number of times; what is left of very many is for the next.
func (s *Store) SettleDeliveries(ctx context.Context) error {
	for _, statement := range []string{takeUpAgain, noteDecided} {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return toFault(err)
		}
	}
	return nil
}
