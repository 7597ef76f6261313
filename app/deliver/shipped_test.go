package deliver

import (
	"time"

	"koodesk/app/store"
)

// The messages as the shipped texts say them.

func (d *Deliverer) usageContent(i *store.Instance, medium, language string, zone *time.Location) (store.Content, error) {
	return d.noticeContent(i, UsageInfo, medium, language, zone, time.Now())
}

func (d *Deliverer) noticeContent(i *store.Instance, kind, medium, language string, zone *time.Location, now time.Time) (store.Content, error) {
	return d.compose(kind, medium, language, d.templates.text(kind, medium, language), d.values(kind, i, language, zone, now))
}
