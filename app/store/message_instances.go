package store

import (
	"context"
	"strconv"

	"koodesk/app/market"
)

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

// TimelineInstance is the instance that a call would stand with, as an entry of its
// own, in a timeline; "" if with none. Polls are counted there and may ask for several
// instances, debugging calls are about none that is real, and what a call says that
// nobody has proved is not known to be so.
func (m MessageRow) TimelineInstance() string {
	if m.Test || m.Status == MessageRejected || m.Activity == market.QueryInstance || len(m.InstanceIDs) != 1 {
		return ""
	}
	return m.InstanceID
}

// TimelineOf is TimelineInstance if the call's channel has that instance, else "".
func (r *Reader) TimelineOf(ctx context.Context, m MessageRow) (instance string, err error) {
	id := m.TimelineInstance()
	if id == "" {
		return "", nil
	}
	err = r.q.QueryRowxContext(ctx, `
SELECT COALESCE((SELECT i.instance_id
                   FROM instances i
                   JOIN channels c
                     ON c.id = i.channel_id
                  WHERE i.instance_id = $1
                    AND c.slug = $2), '')`, id, m.Channel).Scan(&instance)
	return instance, toFault(err)
}
