package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
)

// Link is how often the buyer's access page was used under one generation of its
// link. Times are UTC; zero means never.
type Link struct {
	Generation    int
	Views         int
	FirstViewAt   time.Time
	LastViewAt    time.Time
	Reveals       int
	Allowed       int // how often a page that shows the access data once may show it
	FirstRevealAt time.Time
	LastRevealAt  time.Time
}

const linkColumns = `COALESCE(l.views, 0), l.first_view_at, l.last_view_at, COALESCE(l.reveals, 0), l.first_reveal_at, l.last_reveal_at, COALESCE(l.allowed, 1)`

func (l *Link) scan(row scanner, more ...any) error {
	var firstView, lastView, firstReveal, lastReveal sql.NullTime
	err := row.Scan(append(more, &l.Views, &firstView, &lastView, &l.Reveals, &firstReveal, &lastReveal, &l.Allowed)...)
	l.FirstViewAt, l.LastViewAt, l.FirstRevealAt, l.LastRevealAt = utc(firstView), utc(lastView), utc(firstReveal), utc(lastReveal)
	return toFault(err)
}

// InstanceByID loads an instance by KooGallery's id alone, of whatever channel.
// Fault: not_found "instance.unknown".
func (r *Reader) InstanceByID(ctx context.Context, instanceID string) (*Instance, error) {
	return r.scanInstance(r.q.QueryRowxContext(ctx, `
SELECT `+instanceColumns+`
  FROM instances
 WHERE instance_id = $1`, instanceID))
}

// LinkOf is what is known of one generation of an instance's link.
func (r *Reader) LinkOf(ctx context.Context, pk int64, generation int) (Link, error) {
	l := Link{Generation: generation, Allowed: 1}
	err := l.scan(r.q.QueryRowxContext(ctx, `
SELECT `+linkColumns+`
  FROM access_links l
 WHERE l.instance_pk = $1
   AND l.generation = $2`, pk, generation))
	if fault.Is(err, fault.NotFound) {
		return l, nil
	}
	return l, err
}

// oneTimeLink tells whether the product of an instance wants its access page to
// show the access data once only.
func (r *Reader) oneTimeLink(ctx context.Context, channel int64, productID, skuCode string) (bool, error) {
	s, err := r.SettingsFor(ctx, channel, productID, skuCode)
	return s.ShownOnce(), err
}

// links are the present generation of an instance's link and all that were
// used, oldest first.
func (r *Reader) links(ctx context.Context, pk int64) (present int, used []Link, err error) {
	rows, err := r.q.QueryxContext(ctx, `
SELECT i.link_generation, COALESCE(l.generation, i.link_generation), `+linkColumns+`
  FROM instances i
  LEFT JOIN access_links l
         ON l.instance_pk = i.id
 WHERE i.id = $1
 ORDER BY l.generation`, pk)
	if err != nil {
		return 0, nil, toFault(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l Link
		if err := l.scan(rows, &present, &l.Generation); err != nil {
			return 0, nil, err
		}
		used = append(used, l)
	}
	return present, used, toFault(rows.Err())
}

// CountView notes that somebody has opened the page.
func (s *Store) CountView(ctx context.Context, pk int64, generation int) error {
	_, err := s.db.ExecContext(ctx, `
INSERT INTO access_links AS l (instance_pk, generation, views, first_view_at, last_view_at)
VALUES ($1, $2, 1, now(), now())
ON CONFLICT (instance_pk, generation) DO UPDATE
   SET views = l.views + 1,
       first_view_at = COALESCE(l.first_view_at, now()),
       last_view_at = now()`, pk, generation)
	return toFault(err)
}

// CountReveal notes that the access data is being shown. With once it is false,
// and notes nothing, when it has been shown before.
func (t *Tx) CountReveal(ctx context.Context, pk int64, generation int, once bool) (bool, error) {
	r, err := t.tx.ExecContext(ctx, `
INSERT INTO access_links AS l (instance_pk, generation, reveals, first_reveal_at, last_reveal_at)
VALUES ($1, $2, 1, now(), now())
ON CONFLICT (instance_pk, generation) DO UPDATE
   SET reveals = l.reveals + 1,
       first_reveal_at = COALESCE(l.first_reveal_at, now()),
       last_reveal_at = now()
 WHERE NOT $3 OR l.reveals < l.allowed`, pk, generation, once)
	if err != nil {
		return false, toFault(err)
	}
	n, err := r.RowsAffected()
	return n > 0, toFault(err)
}

// AllowReveal lets the page of an instance show its access data once more than it
// was shown: a message with its link is about to go out.
func (t *Tx) AllowReveal(ctx context.Context, pk int64, generation int) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO access_links AS l (instance_pk, generation)
VALUES ($1, $2)
ON CONFLICT (instance_pk, generation) DO UPDATE
   SET allowed = l.reveals + 1`, pk, generation)
	return toFault(err)
}

// Spent tells whether a page that shows the access data once has nothing more to
// show.
func (l Link) Spent() bool { return l.Reveals >= max(l.Allowed, 1) }

// RenewLink ends the link of an instance that is locked and begins the next
// generation.
func (t *Tx) RenewLink(ctx context.Context, i *Instance) error {
	return toFault(t.tx.GetContext(ctx, &i.LinkGeneration, `
UPDATE instances
   SET link_generation = link_generation + 1,
       updated_at = now()
 WHERE id = $1
RETURNING link_generation`, i.PK))
}

// linkEvents are the points of a timeline that the buyer made: the first view
// and the first reveal of each link, with how often and when last.
func linkEvents(used []Link) []TimelineEvent {
	var out []TimelineEvent
	for _, l := range used {
		for _, e := range []struct {
			kind        string
			n           int
			first, last time.Time
		}{{"viewed", l.Views, l.FirstViewAt, l.LastViewAt}, {"revealed", l.Reveals, l.FirstRevealAt, l.LastRevealAt}} {
			if e.n == 0 {
				continue
			}
			event := TimelineEvent{At: e.first, Sort: EventLink, Kind: e.kind, Count: e.n}
			if e.last.After(e.first) {
				event.LastAt = e.last
			}
			out = append(out, event)
		}
	}
	return out
}
