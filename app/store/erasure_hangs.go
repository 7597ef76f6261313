package store

// What hangs on something that is erased is emptied by the same statements, whatever
// it hangs on. The rows are locked by nobody who waits: messages and tasks that are
// locked at this moment are being worked at, and come again (see ErasureLeft).

// emptyCalls empties the arrivals of the messages (id, status) that of selects.
func emptyCalls(of string) string {
	return `
WITH about AS MATERIALIZED (` + of + `
), calls AS (
    UPDATE messages
       SET last_error = ` + wordless("last_error") + `
     WHERE id = ANY(ARRAY(
           SELECT m.id
             FROM messages m
            WHERE m.id = ANY(ARRAY(SELECT id FROM about))
              AND m.status <> 'processing'
              AND ` + wordy("m.last_error") + `
            ORDER BY m.id
              FOR NO KEY UPDATE SKIP LOCKED))
)
UPDATE attempts a
   SET request_sealed = NULL,
       response = NULL,
       response_sealed = NULL,
       error = ` + wordless("a.error") + `,
       emptied_at = CASE WHEN ` + hasWords + ` THEN now() ELSE a.emptied_at END
  FROM about m
 WHERE m.status <> 'processing'
   AND a.message_id = m.id
   AND (` + hasWords + ` OR ` + wordy("a.error") + `)`
}

// emptyEvents empties the events e of a condition, and what was answered to them. What
// is still to be sent stays.
func emptyEvents(of string) string {
	return `
WITH shut AS MATERIALIZED (
    SELECT e.id, e.task_id
      FROM events e
     WHERE ` + of + `
       AND e.status NOT IN ('pending', 'running')
), gone AS (
    UPDATE events
       SET payload_sealed = NULL,
           last_error = ` + wordless("last_error") + `,
           emptied_at = CASE WHEN payload_sealed IS NOT NULL THEN now() ELSE emptied_at END
     WHERE id = ANY(ARRAY(SELECT id FROM shut))
       AND (payload_sealed IS NOT NULL OR ` + wordy("last_error") + `)
    RETURNING id
), answers AS (
    UPDATE event_attempts
       SET response_sealed = NULL,
           error = ` + wordless("error") + `
     WHERE event_id = ANY(ARRAY(SELECT id FROM shut))
       AND (response_sealed IS NOT NULL OR ` + wordy("error") + `)
), works AS (` + wordlessTasks(`SELECT task_id FROM shut`) + `
), tries AS (` + wordlessTries(`SELECT task_id FROM shut`) + `
)
SELECT id
  FROM gone`
}

// emptyTasks takes the words out of the errors of the tasks whose ids of selects.
func emptyTasks(of string) string {
	return `
WITH about AS MATERIALIZED (` + of + `
), works AS (` + wordlessTasks(`SELECT id FROM about`) + `
)` + wordlessTries(`SELECT id FROM about`)
}

func wordlessTasks(of string) string {
	return `
    UPDATE tasks
       SET last_error = ` + wordless("last_error") + `
     WHERE id = ANY(ARRAY(
           SELECT k.id
             FROM tasks k
            WHERE k.id = ANY(ARRAY(` + of + `))
              AND k.status NOT IN ('pending', 'running')
              AND ` + wordy("k.last_error") + `
            ORDER BY k.id
              FOR NO KEY UPDATE SKIP LOCKED))`
}

func wordlessTries(of string) string {
	return `
    UPDATE task_attempts
       SET error = ` + wordless("error") + `
     WHERE task_id = ANY(ARRAY(` + of + `))
       AND ` + wordy("error")
}
