package store

// keep is how one kind goes: the table that is walked, its time, and the
// statement that deletes or empties those of the rows $1 that are older than $2
// and closed. It locks what decides about that, so that nothing is opened at the
// same moment, and gives each row that is done with, and whether it was changed.
// Of a log by month part is the column that says where a row stands, and the
// statement's $3 are the parts of the rows, so that no other partition is read.
type keep struct{ table, at, part, act string }

// keptOnly narrows to what a log keeps longer than its months: nothing else of it is
// noted to be looked at again.
func (k keep) keptOnly() string {
	if k.part == "" {
		return ""
	}
	return ` AND ` + k.part + ` = 'kept'`
}

// closedMessages begins a statement with the messages of the attempts $1, as far as
// nobody has anything to do with them any more. A debugging call that failed is
// nobody's to settle, and one that was repaired otherwise or closed by a person
// (group 0) is settled.
func closedMessages(where string) string {
	return `
WITH shut AS (
    SELECT m.id
      FROM messages m
     WHERE m.id = ANY(ARRAY(SELECT message_id FROM attempts WHERE id = ANY($1) AND ` + where + `))
       AND m.status <> 'processing'
       AND (m.status <> 'failed' OR m.test OR m.failure_group = 0)
       AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.message_id = m.id AND q.status = 'open')
     ORDER BY m.id
       FOR SHARE OF m
`
}

// closedTasks is the same for the tasks of tries.
func closedTasks(where string) string {
	return `
WITH shut AS (
    SELECT k.id
      FROM tasks k
     WHERE k.id = ANY(ARRAY(SELECT task_id FROM task_attempts WHERE id = ANY($1) AND ` + where + `))
       AND (k.status IN ('succeeded', 'cancelled') OR k.status = 'failed' AND k.failure_group = 0)
     ORDER BY k.id
       FOR SHARE OF k
`
}

// toldLater: the marketplace was told something after the attempt a.
const toldLater = `EXISTS (SELECT 1 FROM attempts n WHERE n.message_id = a.message_id AND n.id > a.id AND n.source = 'marketplace')`

const hasWords = `(a.request_sealed IS NOT NULL OR a.response IS NOT NULL OR a.response_sealed IS NOT NULL)`

// doneAttempts ends it with the attempts whose message is closed, of which the ones
// that were changed are gone.
func doneAttempts(changed string) string {
	return `
SELECT a.id, ` + changed + ` AS changed
  FROM attempts a
  JOIN shut
    ON shut.id = a.message_id
  LEFT JOIN gone g
    ON g.id = a.id
 WHERE a.id = ANY($1)
   AND a.part = ANY($3)
   AND a.at < $2`
}

var keeps = map[string]keep{
	// A row that is emptied goes to the lean rows of its month, and one that is open
	// to what is kept longer: when the walk has been through a month, nothing is left
	// of it.
	KeepPayloads: {"attempts", "at", "part", closedMessages(`part = ANY($3) AND at < $2`) + `), gone AS (
    UPDATE attempts a
       SET part = CASE WHEN a.part = 'kept' THEN a.part ELSE month_of(a.at) || ' lean' END,
           request_sealed = NULL,
           response = NULL,
           response_sealed = NULL,
           emptied_at = CASE WHEN ` + hasWords + ` THEN now() ELSE a.emptied_at END
      FROM shut
     WHERE a.id = ANY($1)
       AND a.part = ANY($3)
       AND a.at < $2
       AND a.message_id = shut.id
       AND (a.part NOT IN ('kept', month_of(a.at) || ' lean') OR ` + hasWords + `)
    RETURNING a.id, a.emptied_at
), stay AS (
    UPDATE attempts a
       SET part = 'kept'
     WHERE a.id = ANY($1)
       AND a.part = ANY($3)
       AND a.part <> 'kept'
       AND a.at < $2
       AND NOT EXISTS (SELECT 1 FROM shut WHERE shut.id = a.message_id)
       AND (SELECT true FROM messages m WHERE m.id = a.message_id)
    RETURNING a.id
), noted AS (
    INSERT INTO retention_held (kind, id)
    SELECT 'attempts', id
      FROM stay
    ON CONFLICT DO NOTHING
)` + doneAttempts(`COALESCE(g.emptied_at = now(), false)`)},
	// These two are walked by month; here is what was open then.
	KeepAttempts: {"attempts", "at", "part", closedMessages(`part = ANY($3) AND at < $2`) + `), gone AS (
    DELETE FROM attempts a
     USING shut
     WHERE a.id = ANY($1)
       AND a.part = ANY($3)
       AND a.at < $2
       AND a.message_id = shut.id
       AND ` + toldLater + `
    RETURNING a.id
)` + doneAttempts(`g.id IS NOT NULL`)},
	KeepTries: {"task_attempts", "at", "part", closedTasks(`part = ANY($3) AND at < $2`) + `)
DELETE FROM task_attempts a
 USING shut
 WHERE a.id = ANY($1)
   AND a.part = ANY($3)
   AND a.at < $2
   AND a.task_id = shut.id
RETURNING a.id, true AS changed`},
	KeepDeliveries: {"deliveries", "created_at", "", `
WITH shut AS (
    SELECT id, content_sealed IS NOT NULL AS changed
      FROM deliveries
     WHERE id = ANY($1)
       AND created_at < $2
       AND status IN ('succeeded', 'cancelled')
     ORDER BY id
       FOR UPDATE
), gone AS (
    UPDATE deliveries d
       SET content_sealed = NULL,
           emptied_at = now()
     WHERE d.id = ANY(ARRAY(SELECT id FROM shut WHERE changed))
)
SELECT id, changed
  FROM shut`},
	KeepEvents: {"events", "created_at", "", `
WITH shut AS (
    SELECT id, payload_sealed IS NOT NULL AS changed
      FROM events
     WHERE id = ANY($1)
       AND created_at < $2
       AND status IN ('succeeded', 'cancelled')
     ORDER BY id
       FOR UPDATE
), gone AS (
    UPDATE events e
       SET payload_sealed = NULL,
           emptied_at = now()
     WHERE e.id = ANY(ARRAY(SELECT id FROM shut WHERE changed))
), answers AS (
    UPDATE event_attempts a
       SET response_sealed = NULL
     WHERE a.event_id = ANY(ARRAY(SELECT id FROM shut))
       AND a.response_sealed IS NOT NULL
)
SELECT id, changed
  FROM shut`},
	KeepAlerts: {"alerts", "opened_at", "", `
DELETE FROM alerts
 WHERE id = ANY($1)
   AND cleared_at < $2
RETURNING id, true AS changed`},
	KeepSayings: {"alert_messages", "created_at", "", `
DELETE FROM alert_messages
 WHERE id = ANY($1)
   AND created_at < $2
   AND status NOT IN ('pending', 'running')
RETURNING id, true AS changed`},
}
