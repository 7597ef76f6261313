package store

// What hangs on something that is erased is emptied by the same statements, whatever
// it hangs on. The rows are locked by nobody who waits: messages and tasks that are
// locked at this moment are left, and come again (see ErasureLeft).

// wordlessCalls takes the words out of the errors of the messages (id, status) that of
// selects.
func wordlessCalls(of string) string {
	return `
UPDATE messages
   SET last_error = ` + wordless("last_error") + `
 WHERE id = ANY(ARRAY(
       SELECT m.id
         FROM messages m
        WHERE m.id = ANY(ARRAY(SELECT id FROM (` + of + `) about))
          AND m.status <> 'processing'
          AND ` + wordy("m.last_error") + `
        ORDER BY m.id
          FOR NO KEY UPDATE SKIP LOCKED))`
}

// emptyCalls empties the arrivals of the same.
func emptyCalls(of string) string {
	return `
WITH about AS MATERIALIZED (` + of + `
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
)
SELECT id
  FROM gone`
}

// wordlessTasks takes the words out of the errors of the tasks whose ids of selects.
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

// wordlessTries does so with their tries.
func wordlessTries(of string) string {
	return `
UPDATE task_attempts
   SET error = ` + wordless("error") + `
 WHERE task_id = ANY(ARRAY(` + of + `))
   AND ` + wordy("error")
}

// callsLeft counts the messages that of selects and that are not erased yet: they are
// at work, or were locked.
func callsLeft(of string) string {
	return `
       (SELECT count(*) FROM messages m
         WHERE m.id = ANY(ARRAY(SELECT id FROM (` + of + `) about))
           AND (m.status = 'processing' OR ` + wordy("m.last_error") + `)) AS messages`
}

// tasksLeft does so with tasks. What sends a delivery or an event, and is not done, is
// told as such.
func tasksLeft(of string) string {
	return `
       (SELECT count(*) FROM tasks k
         WHERE k.id = ANY(ARRAY(` + of + `))
           AND CASE WHEN k.status IN ('pending', 'running') THEN k.kind NOT IN ('deliver', 'notice', 'event') ELSE ` + wordy("k.last_error") + ` END) AS tasks`
}
