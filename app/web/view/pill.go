package view

import "maps"

// Pill is a status as it is shown: an icon and a word, never a colour alone.
type Pill struct {
	Tone  string // "ok", "bad", "warn", "busy", "cold", "off"
	Icon  string
	Label string // translation key
	Spin  bool   // the icon turns: it is happening now
}

// work is how the states of all work look that is done in the background.
var work = map[string]Pill{
	"pending":   {Tone: "off", Icon: "pending"},
	"running":   {Tone: "busy", Icon: "running", Spin: true},
	"succeeded": {Tone: "ok", Icon: "succeeded"},
	"failed":    {Tone: "bad", Icon: "failed"},
	"cancelled": {Tone: "off", Icon: "cancelled"},
}

// workOr adds states of its own to those of work.
func workOr(more map[string]Pill) map[string]Pill {
	maps.Copy(more, work)
	return more
}

// pills is how every status of every thing looks. The names of the statuses are
// those of the API.
var pills = map[string]map[string]Pill{
	"message": {
		"processing": {Tone: "busy", Icon: "processing"},
		"succeeded":  {Tone: "ok", Icon: "succeeded"},
		"failed":     {Tone: "bad", Icon: "failed"},
		"rejected":   {Tone: "warn", Icon: "rejected"},
	},
	"instance": {
		"provisioning": {Tone: "busy", Icon: "processing"},
		"active":       {Tone: "ok", Icon: "active"},
		"frozen":       {Tone: "cold", Icon: "frozen"},
		"released":     {Tone: "off", Icon: "released"},
	},
	"task":  work,
	"event": work,
	"delivery": workOr(map[string]Pill{
		"kept":      {Tone: "warn", Icon: "alert"}, // rendered, never sent: DeliveryRow.Kept
		"delivered": {Tone: "ok", Icon: "check"},   // these four are outcomes: DeliveryRow.Shown
		"refused":   {Tone: "bad", Icon: "failed"},
		"bounced":   {Tone: "bad", Icon: "failed"},
		"unknown":   {Tone: "warn", Icon: "alert"},
	}),
	"target": { // who hears of events
		"off":     {Tone: "off", Icon: "released"},
		"unused":  {Tone: "off", Icon: "pending"},
		"ok":      {Tone: "ok", Icon: "succeeded"},
		"failing": {Tone: "bad", Icon: "failed"},
		"paused":  {Tone: "warn", Icon: "clock"},
	},
	"alert": {
		"open":    {Tone: "warn", Icon: "alert"},
		"cleared": {Tone: "off", Icon: "check"},
	},
	"alert_severity": {
		"warning":  {Tone: "warn", Icon: "alert"},
		"critical": {Tone: "bad", Icon: "failed"},
		"resolved": {Tone: "ok", Icon: "check"},
		"lapsed":   {Tone: "bad", Icon: "clock"},
		"gone":     {Tone: "off", Icon: "check"},
	},
	"alert_said": workOr(map[string]Pill{"kept": {Tone: "warn", Icon: "alert"}}),
	"code": {
		"UNVERIFIED": {Tone: "warn", Icon: "processing"},
		"ALIVE":      {Tone: "ok", Icon: "active"},
		"FROZEN":     {Tone: "cold", Icon: "frozen"},
		"EXPIRED":    {Tone: "warn", Icon: "clock"},
		"RELEASED":   {Tone: "off", Icon: "released"},
	},
	"license": {
		"requested": {Tone: "busy", Icon: "processing"},
		"ready":     {Tone: "busy", Icon: "pending"},
		"uploaded":  {Tone: "ok", Icon: "succeeded"},
		"answered":  {Tone: "ok", Icon: "check"},
		"refused":   {Tone: "warn", Icon: "rejected"},
		"failed":    {Tone: "bad", Icon: "failed"},
		"cancelled": {Tone: "off", Icon: "cancelled"},
	},
	"order": {
		"pending": {Tone: "busy", Icon: "processing"},
		"known":   {Tone: "ok", Icon: "succeeded"},
		"failed":  {Tone: "bad", Icon: "failed"},
	},
	"quarantine": {
		"open":     {Tone: "warn", Icon: "alert"},
		"accepted": {Tone: "ok", Icon: "succeeded"},
		"refused":  {Tone: "off", Icon: "cancelled"},
	},
	"group": {
		"open":     {Tone: "bad", Icon: "failed"},
		"snoozed":  {Tone: "off", Icon: "clock"},
		"resolved": {Tone: "ok", Icon: "succeeded"},
	},
	"restart": {
		"running":   {Tone: "busy", Icon: "running", Spin: true},
		"paused":    {Tone: "warn", Icon: "pending"},
		"cancelled": {Tone: "off", Icon: "cancelled"},
		"done":      {Tone: "ok", Icon: "succeeded"},
	},
	"restart_item": {
		"waiting":   {Tone: "off", Icon: "pending"},
		"restarted": {Tone: "busy", Icon: "restart"},
		"passed":    {Tone: "ok", Icon: "succeeded"},
		"refused":   {Tone: "warn", Icon: "rejected"},
		"failed":    {Tone: "bad", Icon: "failed"},
	},
	"finding": {
		"open":    {Tone: "warn", Icon: "alert"},
		"applied": {Tone: "ok", Icon: "succeeded"},
		"kept":    {Tone: "off", Icon: "lock"},
		"gone":    {Tone: "off", Icon: "cancelled"},
	},
	"leftover": {
		"open":    {Tone: "warn", Icon: "alert"},
		"undoing": {Tone: "busy", Icon: "running", Spin: true},
		"kept":    {Tone: "off", Icon: "lock"},
		"gone":    {Tone: "ok", Icon: "succeeded"},
	},
	"account": {
		"free":    {Tone: "ok", Icon: "check"},
		"used":    {Tone: "busy", Icon: "instances"},
		"retired": {Tone: "off", Icon: "released"},
	},
	"key": {
		"current":  {Tone: "ok", Icon: "succeeded"},
		"retiring": {Tone: "warn", Icon: "clock"},
		"retired":  {Tone: "off", Icon: "released"},
	},
	"try": { // one try of a task or of a delivery
		"running":   {Tone: "busy", Icon: "running", Spin: true},
		"succeeded": {Tone: "ok", Icon: "succeeded"},
		"failed":    {Tone: "bad", Icon: "failed"},
		"lost":      {Tone: "warn", Icon: "alert"},
		"restarted": {Tone: "busy", Icon: "restart"},
		"cancelled": {Tone: "off", Icon: "cancelled"},
	},
}

// Statuses lists the statuses of a kind of thing in the order in which people
// read them.
func Statuses(kind string) []string {
	switch kind {
	case "message":
		return []string{"failed", "processing", "succeeded", "rejected"}
	case "instance":
		return []string{"provisioning", "active", "frozen", "released"}
	case "code":
		return []string{"UNVERIFIED", "ALIVE", "FROZEN", "EXPIRED", "RELEASED"}
	case "license":
		return []string{"failed", "requested", "ready", "uploaded", "answered", "refused", "cancelled"}
	case "order":
		return []string{"failed", "pending", "known"}
	case "quarantine":
		return []string{"open", "accepted", "refused"}
	case "group":
		return []string{"open", "snoozed", "resolved"}
	case "restart":
		return []string{"running", "paused", "done", "cancelled"}
	case "restart_item":
		return []string{"waiting", "restarted", "passed", "failed", "refused"}
	case "finding":
		return []string{"open", "applied", "kept", "gone"}
	case "leftover":
		return []string{"open", "undoing", "kept", "gone"}
	case "alert":
		return []string{"open", "cleared"}
	case "account":
		return []string{"free", "used", "retired"}
	default:
		return []string{"failed", "pending", "running", "succeeded", "cancelled"}
	}
}

// pillOf is the pill of a status. One that this release does not know is shown
// as it is, neutral: hiding it would be worse.
func pillOf(kind, status string) Pill {
	p, ok := pills[kind][status]
	if !ok {
		return Pill{Tone: "off", Icon: "info", Label: ""}
	}
	p.Label = "status." + kind + "." + status
	return p
}

// moments is how each kind of timeline event looks.
var moments = map[string]Pill{
	"received":                    {Tone: "off", Icon: "messages"},
	"repeated":                    {Tone: "off", Icon: "messages"},
	"rejected":                    {Tone: "warn", Icon: "rejected"},
	"answered":                    {Tone: "ok", Icon: "check"},
	"refused":                     {Tone: "bad", Icon: "failed"},
	"restarted":                   {Tone: "busy", Icon: "restart"},
	"queried":                     {Tone: "ok", Icon: "order"},
	"provisioned":                 {Tone: "ok", Icon: "provision"},
	"access_set":                  {Tone: "ok", Icon: "edit"},
	"notices_refused":             {Tone: "warn", Icon: "mail"},
	"notices_wanted":              {Tone: "ok", Icon: "mail"},
	"password_wiped":              {Tone: "off", Icon: "lock"},
	"revealed":                    {Tone: "warn", Icon: "eye"},
	"sent":                        {Tone: "ok", Icon: "deliveries"},
	"resent":                      {Tone: "ok", Icon: "deliveries"},
	"task_done":                   {Tone: "ok", Icon: "check"},
	"task_failed":                 {Tone: "bad", Icon: "failed"},
	"kept":                        {Tone: "warn", Icon: "alert"},
	"conflict":                    {Tone: "warn", Icon: "alert"},
	"no_address":                  {Tone: "warn", Icon: "alert"},
	"task_restarted":              {Tone: "busy", Icon: "restart"},
	"created":                     {Tone: "off", Icon: "instances"},
	"activated":                   {Tone: "ok", Icon: "active"},
	"renewed":                     {Tone: "ok", Icon: "renew"},
	"changed":                     {Tone: "ok", Icon: "upgrade"},
	"product":                     {Tone: "off", Icon: "order"},
	"customer":                    {Tone: "off", Icon: "operator"},
	"order":                       {Tone: "off", Icon: "order"},
	"frozen":                      {Tone: "cold", Icon: "frozen"},
	"unfrozen":                    {Tone: "ok", Icon: "active"},
	"released":                    {Tone: "off", Icon: "released"},
	"expires":                     {Tone: "off", Icon: "clock"},
	"code_known":                  {Tone: "off", Icon: "lock"},
	"code_activated":              {Tone: "ok", Icon: "check"},
	"code_alive":                  {Tone: "ok", Icon: "active"},
	"code_expired":                {Tone: "warn", Icon: "clock"},
	"code_expiry":                 {Tone: "ok", Icon: "clock"},
	"code_renewed":                {Tone: "ok", Icon: "renew"},
	"code_amount":                 {Tone: "off", Icon: "upgrade"},
	"code_refused":                {Tone: "bad", Icon: "failed"},
	"link_viewed":                 {Tone: "off", Icon: "eye"},
	"link_viewed_more":            {Tone: "off", Icon: "eye"},
	"link_revealed":               {Tone: "ok", Icon: "eye"},
	"link_revealed_more":          {Tone: "ok", Icon: "eye"},
	"claimed":                     {Tone: "busy", Icon: "operator"},
	"taken_over":                  {Tone: "warn", Icon: "operator"},
	"repaired":                    {Tone: "ok", Icon: "restart"},
	"unclaimed":                   {Tone: "off", Icon: "operator"},
	"link_renewed":                {Tone: "busy", Icon: "renew"},
	"polled_waiting":              {Tone: "off", Icon: "processing"},
	"polled_waiting_more":         {Tone: "off", Icon: "processing"},
	"polled_waiting_more_counted": {Tone: "off", Icon: "processing"},
	"polled_well":                 {Tone: "off", Icon: "eye"},
	"polled_well_more":            {Tone: "off", Icon: "eye"},
	"polled_well_more_counted":    {Tone: "off", Icon: "eye"},
	"polled_refused":              {Tone: "bad", Icon: "failed"},
	"polled_refused_more":         {Tone: "bad", Icon: "failed"},
	"polled_refused_more_counted": {Tone: "bad", Icon: "failed"},
	"url_seen":                    {Tone: "ok", Icon: "active"},
	"receipt_delivered":           {Tone: "ok", Icon: "check"},
	"receipt_refused":             {Tone: "bad", Icon: "failed"},
	"receipt_bounced":             {Tone: "bad", Icon: "failed"},
	"receipt_unknown":             {Tone: "warn", Icon: "alert"},
}

// Moments lists the kinds of timeline events that have a look and a text.
func Moments() []string {
	out := make([]string, 0, len(moments))
	for kind := range moments {
		out = append(out, kind)
	}
	return out
}

func momentOf(kind string) Pill {
	p, ok := moments[kind]
	if !ok {
		return Pill{Tone: "off", Icon: "info"}
	}
	return p
}
