package market

// Stage is where an instance stands in its life, as exactly as the rules need
// it: its status, whether access data was made, and what froze it.
type Stage string

// The stages. Early ones have no access data yet.
const (
	Absent        Stage = "absent" // no such instance in the channel
	InMaking      Stage = "provisioning"
	InUse         Stage = "active"
	FrozenEarly   Stage = "frozen, not made"
	FrozenMade    Stage = "frozen"
	ExpiredEarly  Stage = "expired, not made" // frozen by V1.0's expireInstance
	ExpiredMade   Stage = "expired"
	StageReleased Stage = "released" // final
)

// Stages lists every stage.
func Stages() []Stage {
	return []Stage{Absent, InMaking, InUse, FrozenEarly, FrozenMade, ExpiredEarly, ExpiredMade, StageReleased}
}

// status is what a stage is shown as, made whether it has access data.
var stages = map[Stage]struct {
	status InstanceStatus
	made   bool
	cause  string
}{
	InMaking: {Provisioning, false, ""}, InUse: {Active, true, ""},
	FrozenEarly: {Frozen, false, ByStatus}, FrozenMade: {Frozen, true, ByStatus},
	ExpiredEarly: {Frozen, false, ByExpiry}, ExpiredMade: {Frozen, true, ByExpiry},
	StageReleased: {Released, false, ""},
}

// Status is what a stage is shown as; "" for Absent.
func (s Stage) Status() InstanceStatus { return stages[s].status }

// Event is something that happens to an instance: a call of the marketplace, or
// what work for it has found out.
type Event string

// The events. The names of calls are KooGallery's, those of refreshInstance its
// scenes (V1.0 says the same with trialToFormal and the sign of orderAmount).
const (
	Purchased        Event = NewInstance
	Queried          Event = QueryInstance
	RenewalCame      Event = Event(Renewal)
	RenewalChanged   Event = Event(RenewalChange)
	RenewalCancelled Event = Event(UnsubscribeRenewalPeriod)
	TrialConverted   Event = Event(TrialToFormal)
	FreezeCame       Event = Freeze
	UnfreezeCame     Event = Unfreeze
	PeriodOver       Event = ExpireInstance
	UpgradeBought    Event = UpgradeInstance
	ChangeAsked      Event = ChangeInstanceCheck
	ReleaseCame      Event = ReleaseInstance
	PurchaseLearned  Event = "order of the purchase"
	UpgradeLearned   Event = "order of a change"
	RenewalLearned   Event = "order of a conversion"
	AccessMade       Event = "access data"
)

// Events lists every event: the calls first, then what work finds out.
func Events() []Event {
	return []Event{Purchased, Queried, RenewalCame, RenewalChanged, RenewalCancelled, TrialConverted, FreezeCame, UnfreezeCame, PeriodOver,
		UpgradeBought, ChangeAsked, ReleaseCame, PurchaseLearned, UpgradeLearned, RenewalLearned, AccessMade}
}

// Speaks tells whether a protocol generation has the event. What work finds out
// is the same for both, save that V1.0 asks for no order.
func (e Event) Speaks(p Protocol) bool {
	switch e {
	case RenewalChanged, ChangeAsked, PurchaseLearned, UpgradeLearned, RenewalLearned:
		return p == V2
	case PeriodOver:
		return p == V1
	}
	return true
}

// Effect is what follows from an event besides the new stage.
type Effect string

// The effects.
const (
	AskOrder    Effect = "ask order"    // have the order query asked
	KeepTerms   Effect = "keep terms"   // that were told: expiry and product, see Instance.Hear
	LearnTerms  Effect = "learn order"  // keep what the order says, see Instance.Learn
	Make        Effect = "make"         // have the driver make it
	ChangeIt    Effect = "change"       // have the driver change it
	AskDriver   Effect = "ask driver"   // whether it could; 000005 if it says no
	ShowAccess  Effect = "show access"  // the access data, whole
	ShowAddress Effect = "show address" // frontEndUrl alone
	EndWork     Effect = "end work"     // cancel what was still to be done
	Undo        Effect = "undo"         // have the driver undo it
)

// Rule is one line of the life cycle: on an event, in any of these stages.
type Rule struct {
	On    Event
	By    Protocol // "" for both generations
	From  []Stage
	Ahead bool       // only when the expiry that the call sets is not over yet
	To    Stage      // "" stays
	Code  ResultCode // the answer; "" for what is no call
	Do    []Effect
}

var (
	early  = []Stage{InMaking, FrozenEarly, ExpiredEarly}
	made   = []Stage{InUse, FrozenMade, ExpiredMade}
	living = append(append([]Stage{}, early...), made...)
	gone   = []Stage{Absent, StageReleased}
)

func on(e Event, by Protocol, code ResultCode, from []Stage, to Stage, do ...Effect) Rule {
	return Rule{On: e, By: by, From: from, To: to, Code: code, Do: do}
}

func ahead(r Rule) Rule { r.Ahead = true; return r }

// Lifecycle is the life of an instance, whole. What is decided about an instance
// is decided by it; docs/lifecycle.md is written from it. Released is final, and
// every event finds exactly one rule in every stage, so that calls may come in
// any order, late and twice. Sources: pages CN 0070649427 to 0070649432,
// 0070649421; V1.0: CN 0070649013, 0070649180, 0070649407, intl 0070649055,
// 0070649056; docs/protocol.md sections 8 and 11 for what they leave open.
var Lifecycle = []Rule{
	on(Purchased, V2, Processing, []Stage{Absent}, InMaking, AskOrder),
	on(Purchased, V1, Processing, []Stage{Absent}, InMaking, Make),
	on(Purchased, "", Processing, early, ""),
	on(Purchased, V2, Success, append([]Stage{StageReleased}, made...), ""),
	on(Purchased, V1, Success, made, "", ShowAccess),
	on(Purchased, V1, Success, []Stage{StageReleased}, "", ShowAddress),

	on(Queried, V2, Processing, early, ""),
	on(Queried, V1, Success, early, ""),
	on(Queried, "", Success, made, "", ShowAccess),
	on(Queried, "", NoSuchInstance, gone, ""),

	on(RenewalCame, "", Success, living, "", KeepTerms),
	on(RenewalCancelled, "", Success, living, "", KeepTerms),
	on(TrialConverted, V1, Success, living, "", KeepTerms),
	on(TrialConverted, V2, Success, living, "", KeepTerms, AskOrder),
	on(RenewalChanged, V2, Success, living, "", KeepTerms, AskOrder),
	// V1.0 has no call that ends an expiry but the renewal itself.
	ahead(on(RenewalCame, V1, Success, []Stage{ExpiredEarly}, InMaking, KeepTerms)),
	ahead(on(RenewalCame, V1, Success, []Stage{ExpiredMade}, InUse, KeepTerms)),
	ahead(on(RenewalCancelled, V1, Success, []Stage{ExpiredEarly}, InMaking, KeepTerms)),
	ahead(on(RenewalCancelled, V1, Success, []Stage{ExpiredMade}, InUse, KeepTerms)),
	ahead(on(TrialConverted, V1, Success, []Stage{ExpiredEarly}, InMaking, KeepTerms)),
	ahead(on(TrialConverted, V1, Success, []Stage{ExpiredMade}, InUse, KeepTerms)),
	on(RenewalCame, "", NoSuchInstance, gone, ""),
	on(RenewalCancelled, "", NoSuchInstance, gone, ""),
	on(TrialConverted, "", NoSuchInstance, gone, ""),
	on(RenewalChanged, V2, NoSuchInstance, gone, ""),

	// What FREEZE froze only UNFREEZE ends, so it outlasts an expiry's renewal.
	on(FreezeCame, "", Success, early, FrozenEarly),
	on(FreezeCame, "", Success, made, FrozenMade),
	on(FreezeCame, "", Success, []Stage{StageReleased}, ""),
	on(FreezeCame, "", NoSuchInstance, []Stage{Absent}, ""),
	on(UnfreezeCame, "", Success, early, InMaking),
	on(UnfreezeCame, "", Success, made, InUse),
	on(UnfreezeCame, "", NoSuchInstance, gone, ""),
	on(PeriodOver, V1, Success, []Stage{InMaking}, ExpiredEarly),
	on(PeriodOver, V1, Success, []Stage{InUse}, ExpiredMade),
	on(PeriodOver, V1, Success, []Stage{FrozenEarly, FrozenMade, ExpiredEarly, ExpiredMade, StageReleased}, ""),
	on(PeriodOver, V1, NoSuchInstance, []Stage{Absent}, ""),

	on(UpgradeBought, V2, Success, living, "", AskOrder),
	on(UpgradeBought, V1, Success, living, "", LearnTerms, ChangeIt),
	on(UpgradeBought, "", NoSuchInstance, gone, ""),
	on(ChangeAsked, V2, Success, living, "", AskDriver),
	on(ChangeAsked, V2, NoSuchInstance, gone, ""),

	on(ReleaseCame, "", Success, living, StageReleased, EndWork, Undo),
	on(ReleaseCame, "", Success, []Stage{StageReleased}, ""),
	on(ReleaseCame, "", NoSuchInstance, []Stage{Absent}, ""),

	on(PurchaseLearned, V2, "", living, "", LearnTerms, Make),
	on(UpgradeLearned, V2, "", living, "", LearnTerms, ChangeIt),
	on(RenewalLearned, V2, "", living, "", LearnTerms),
	on(PurchaseLearned, V2, "", gone, ""),
	on(UpgradeLearned, V2, "", gone, ""),
	on(RenewalLearned, V2, "", gone, ""),
	on(AccessMade, "", "", []Stage{InMaking, InUse}, InUse),
	on(AccessMade, "", "", []Stage{FrozenEarly, FrozenMade}, FrozenMade),
	on(AccessMade, "", "", []Stage{ExpiredEarly, ExpiredMade}, ExpiredMade),
	on(AccessMade, "", "", gone, "", Undo),
}
