package store

// orderIsFree: no instance comes from the order that is still in use, nor one that
// was released since a moment; that is SQL, and "" where it does not matter.
func orderIsFree(since string) string {
	held := `i.released_at IS NULL`
	if since != "" {
		held = `(i.released_at IS NULL OR i.released_at >= ` + since + `)`
	}
	return `NOT EXISTS (
       SELECT 1
         FROM instance_orders l
         JOIN instances i ON i.id = l.instance_pk
        WHERE l.order_pk = o.id
          AND ` + held + `)
   AND NOT EXISTS (
       SELECT 1
         FROM instances i
        WHERE i.order_id = o.order_id
          AND i.channel_id = o.channel_id
          AND ` + held + `)`
}

// eventsOfOrder are the events e of an order o that are about no instance and no code.
const eventsOfOrder = `e.order_id = o.order_id
           AND e.order_id <> ''
           AND e.order_line_id = o.order_line_id
           AND e.channel_id = o.channel_id
           AND e.instance_pk IS NULL
           AND e.license_code_id IS NULL`

// callsOfOrders are the messages of order lines whose ids are so. A call that names no
// line is about all lines of its order, so it goes when none of them is in use.
func callsOfOrders(is string) string {
	return `
        SELECT m.id, m.status
          FROM orders l
          JOIN messages m ON m.order_id = l.order_id AND m.channel_id = l.channel_id
         WHERE l.id ` + is + `
           AND m.order_id <> ''
           AND m.instance_id = ''
           AND (m.order_line_id = l.order_line_id
                OR m.order_line_id = ''
                   AND NOT EXISTS (
                       SELECT 1
                         FROM orders p
                         JOIN instance_orders x ON x.order_pk = p.id
                         JOIN instances i ON i.id = x.instance_pk
                        WHERE p.order_id = l.order_id
                          AND p.channel_id = l.channel_id
                          AND i.released_at IS NULL))`
}

// tasksOfOrders are the tasks of orders whose ids are so, and of their events.
func tasksOfOrders(is string) string {
	return `
        SELECT id
          FROM tasks
         WHERE order_pk ` + is + `
         UNION
        SELECT e.task_id
          FROM orders o
          JOIN events e ON ` + eventsOfOrder + `
         WHERE o.id ` + is + `
           AND e.task_id IS NOT NULL`
}

var ofOrders = erasing{
	lock: `
SELECT o.id
  FROM orders o
 WHERE o.id = ANY($1)
   AND ` + orderIsFree("") + `
 ORDER BY o.id
   FOR NO KEY UPDATE OF o`,
	empty: []emptying{
		{countErrors, wordlessCalls(callsOfOrders("= ANY($1)"))},
		{countAttempts, emptyCalls(callsOfOrders("= ANY($1)"))},
		{countEvents, emptyEvents(`e.id = ANY(ARRAY(
           SELECT e.id
             FROM orders o
             JOIN events e ON ` + eventsOfOrder + `
            WHERE o.id = ANY($1)))`)},
		{countErrors, wordlessTasks(tasksOfOrders("= ANY($1)"))},
		{nil, wordlessTries(tasksOfOrders("= ANY($1)"))},
		{nil, `
UPDATE reconcile_findings f
   SET error = ` + wordless("f.error") + `
  FROM orders o
 WHERE o.id = ANY($1)
   AND f.order_id = o.order_id
   AND f.order_line_id = o.order_line_id
   AND f.channel_id = o.channel_id
   AND ` + wordy("f.error")},
		{func(c *ErasedCounts) *int { return &c.Orders }, `
UPDATE orders
   SET customer_name = '',
       real_name_sealed = NULL,
       email_sealed = NULL,
       email_bidx = NULL,
       phone_sealed = NULL,
       phone_bidx = NULL,
       facts_sealed = NULL,
       answer_sealed = NULL,
       last_error = ` + wordless("last_error") + `,
       erased_at = now(),
       updated_at = now()
 WHERE id = ANY($1)
   AND (erased_at IS NULL AND ` + aboutSomebody + `
        OR ` + wordy("last_error") + `)`},
	},
	busy: `
SELECT r.id,
       0 AS deliveries,` + callsLeft(callsOfOrders("= r.id")) + `,
       (SELECT count(*) FROM orders o JOIN events e ON ` + eventsOfOrder + ` WHERE o.id = r.id AND ` + unsent + `) AS events,` +
		tasksLeft(`SELECT t.id FROM (`+tasksOfOrders("= r.id")+`) a JOIN tasks t USING (id) WHERE t.instance_pk IS NULL`) + ` -- an instance has its own
  FROM orders r
 WHERE r.id = ANY($1)`,
}

// aboutSomebody says of an order that it holds, or has held, a buyer's data: one that
// KooGallery has not told of holds nobody's.
const aboutSomebody = `(known_at IS NOT NULL OR customer_name <> '' OR email_sealed IS NOT NULL OR facts_sealed IS NOT NULL OR answer_sealed IS NOT NULL)`

// callsOfCodes are the messages in the history of authorization codes whose ids are so.
func callsOfCodes(is string) string {
	return `
        SELECT DISTINCT m.id, m.status
          FROM license_code_events h
          JOIN messages m ON m.id = h.message_id
         WHERE h.code_id ` + is
}

// tasksOfCodes are the tasks of authorization codes whose ids are so, and of their
// events.
func tasksOfCodes(is string) string {
	return `
        SELECT id
          FROM tasks
         WHERE license_code_id ` + is + `
         UNION
        SELECT task_id
          FROM events
         WHERE license_code_id ` + is + `
           AND task_id IS NOT NULL`
}

var ofCodes = erasing{
	lock: `
SELECT id
  FROM license_codes
 WHERE id = ANY($1)
   AND released_at IS NOT NULL
 ORDER BY id
   FOR NO KEY UPDATE`,
	empty: []emptying{
		{countErrors, wordlessCalls(callsOfCodes("= ANY($1)"))},
		{countAttempts, emptyCalls(callsOfCodes("= ANY($1)"))},
		{countEvents, emptyEvents(`e.license_code_id = ANY($1)`)},
		{countErrors, wordlessTasks(tasksOfCodes("= ANY($1)"))},
		{nil, wordlessTries(tasksOfCodes("= ANY($1)"))},
		{func(c *ErasedCounts) *int { return &c.Codes }, `
WITH used AS (
    DELETE FROM license_usage
     WHERE code_id = ANY($1)
       AND account_sealed IS NOT NULL
    RETURNING code_id
)
UPDATE license_codes
   SET answer_sealed = NULL,
       last_error = ` + wordless("last_error") + `,
       erased_at = now(),
       updated_at = now()
 WHERE id = ANY($1)
   AND (erased_at IS NULL OR ` + wordy("last_error") + ` OR id IN (SELECT code_id FROM used))`},
	},
	busy: `
SELECT c.id,
       0 AS deliveries,` + callsLeft(callsOfCodes("= c.id")) + `,
       (SELECT count(*) FROM events e WHERE e.license_code_id = c.id AND ` + unsent + `) AS events,` + tasksLeft(tasksOfCodes("= c.id")) + `
  FROM license_codes c
 WHERE c.id = ANY($1)`,
}

const (
	theCalls     = `SELECT id, status FROM messages WHERE id = ANY($1)`
	tasksOfCalls = `SELECT id FROM tasks WHERE message_id = ANY($1)`
)

// ofCalls are calls that came to nothing: they were refused, or not understood, or
// name an instance that never was. Being messages, they are locked before all else.
var ofCalls = erasing{
	lock: `
SELECT m.id
  FROM messages m
 WHERE m.id = ANY($1)
   AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.instance_id = m.instance_id AND i.channel_id = m.channel_id)
 ORDER BY m.id
   FOR NO KEY UPDATE OF m`,
	empty: []emptying{
		{countErrors, wordlessCalls(theCalls)},
		{countAttempts, emptyCalls(theCalls)},
		{countErrors, wordlessTasks(tasksOfCalls)},
		{nil, wordlessTries(tasksOfCalls)},
		{nil, `
UPDATE messages
   SET erased_at = now()
 WHERE id = ANY($1)
   AND erased_at IS NULL`},
	},
	busy: `
SELECT r.id,
       0 AS deliveries,` + callsLeft(`SELECT r.id`) + `,
       0 AS events,` + tasksLeft(`SELECT id FROM tasks WHERE message_id = r.id`) + `
  FROM messages r
 WHERE r.id = ANY($1)`,
}
