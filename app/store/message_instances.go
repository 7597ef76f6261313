package store

import "strconv"

// A call may name several instances (queryInstance: up to 100). The first stands with
// the message, the others in message_instances. Whoever looks for the messages about
// an instance takes both from here.

// messagesAbout are the messages that name an instance whose id compares so ("= $1"),
// to select from. OFFSET 0 keeps the planner from reading all messages for an instance
// that many polls name.
func messagesAbout(is string) string {
	return `(
       SELECT m.*
         FROM messages m
        WHERE m.instance_id ` + is + `
          AND m.instance_id <> ''
        UNION ALL
       SELECT m.*
         FROM message_instances n
        CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = n.message_id OFFSET 0) m
        WHERE n.instance_id ` + is + `)`
}

// newestBehind are the ids of the newest messages that name instances, an array in a
// parameter, behind another one: so many of each.
func newestBehind(instances string, most int) string {
	return `
       (SELECT n.message_id
          FROM unnest(` + instances + `::text[]) AS one (id)
         CROSS JOIN LATERAL (
               SELECT message_id
                 FROM message_instances
                WHERE instance_id = one.id
                ORDER BY message_id DESC
                LIMIT ` + strconv.Itoa(most) + `) n)`
}

// instancesOf are the ids of the instances that the message m names, in order: an
// array.
const instancesOf = `(CASE WHEN m.instance_id <> '' THEN m.instance_id || ARRAY(SELECT n.instance_id FROM message_instances n WHERE n.message_id = m.id ORDER BY n.place) ELSE '{}' END)`
