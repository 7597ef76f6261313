package simulator

import (
	"context"
	"fmt"
	"time"

	"koodesk/app/market"
)

// Journey plays the life of one instance: purchase, waiting for the access data,
// renewal, freeze, unfreeze, upgrade, release; in SaaS V1.0 with its expiry; of a
// License product with its License instead of access data. Caller.Protocol says
// which.
type Journey struct {
	Caller   *Caller
	IDs      *IDs
	Test     bool
	Wait     time.Duration // how long the access data may take
	Interval time.Duration // between two queries
}

// Step is one stage of a journey.
type Step struct {
	Name       string
	Answer     Answer // the last one, where several calls were made
	Calls      int
	Took       time.Duration
	InstanceID string
	Fault      string // why the step failed; "" if it went well
}

// OK tells whether the step went well.
func (s Step) OK() bool { return s.Fault == "" }

// stage is a step to be played.
type stage struct {
	name     string
	activity string
	set      Fields
}

var stages = []stage{
	{"purchase", market.NewInstance, nil},
	{"access", market.QueryInstance, nil},
	{"renew", market.RefreshInstance, nil},
	{"freeze", market.UpdateInstanceStatus, Fields{"status": market.Freeze}},
	{"unfreeze", market.UpdateInstanceStatus, Fields{"status": market.Unfreeze}},
	{"upgrade", market.UpgradeInstance, nil},
	{"release", market.ReleaseInstance, nil},
}

// stagesV1 is the life of an instance of SaaS V1.0, which has an expiry of its own.
var stagesV1 = []stage{
	{"purchase", market.NewInstance, nil},
	{"access", market.QueryInstance, nil},
	{"renew", market.RefreshInstance, nil},
	{"upgrade", market.Upgrade, nil},
	{"freeze", market.ChangeInstanceStatus, Fields{"instanceStatus": "FREEZE"}},
	{"unfreeze", market.ChangeInstanceStatus, Fields{"instanceStatus": "NORMAL"}},
	{"expire", market.ExpireInstance, nil},
	{"release", market.ReleaseInstance, nil},
}

// Run plays the stages in order, tells each step to see and ends at the first
// that fails.
func (j Journey) Run(ctx context.Context, see func(Step)) (steps []Step, ok bool) {
	instance := ""
	if j.Caller.Protocol == market.LicenseCode || j.Caller.Protocol == market.OrderNotice {
		return j.runCalls(ctx, see)
	}
	for _, st := range stagesOf(j.Caller.Protocol) {
		started := time.Now()
		step := j.play(ctx, st, instance)
		step.Took = time.Since(started)
		steps = append(steps, step)
		see(step)
		if !step.OK() {
			return steps, false
		}
		instance = step.InstanceID
	}
	return steps, true
}

func (j Journey) play(ctx context.Context, st stage, instance string) Step {
	step := Step{Name: st.name, InstanceID: instance}
	set := Fields{}
	for name, value := range st.set {
		set[name] = value
	}
	if instance != "" {
		set["instanceId"] = instance
	}
	f, err := newCall(j.Caller.Protocol, st.activity, set, nil, j.Test, j.IDs)
	if err != nil {
		step.Fault = err.Error()
		return step
	}
	success := func(a Answer) bool { return a.Code == market.Success }
	switch {
	case st.activity == market.QueryInstance:
		return j.await(ctx, step, f, "appInfo", func(a Answer) bool { return a.AppOf(step.InstanceID) != nil })
	case st.activity == market.GetLicenseAsync, st.activity == market.GetLicense:
		return j.await(ctx, step, f, "License", success)
	case st.activity == market.NewInstance && j.Caller.Protocol == market.V1: // nothing but 000000 is a purchase there
		return j.await(ctx, step, f, "resultCode 000000", success)
	}
	step.Answer, step.Calls = j.Caller.Call(ctx, f), 1
	step.Fault = faultOf(step.Answer)
	if st.activity == market.NewInstance {
		step.InstanceID = step.Answer.InstanceID
	}
	return step
}

// await asks again and again, as the marketplace does, until the answer is what it
// waits for.
func (j Journey) await(ctx context.Context, step Step, f Fields, what string, there func(Answer) bool) Step {
	deadline := time.Now().Add(j.Wait)
	for {
		step.Answer = j.Caller.Call(ctx, f)
		step.Calls++
		if step.InstanceID == "" {
			step.InstanceID = step.Answer.InstanceID
		}
		if step.Fault = faultOf(step.Answer); step.Fault != "" || there(step.Answer) {
			return step
		}
		if time.Now().Add(j.Interval).After(deadline) {
			step.Fault = fmt.Sprintf("no %s for instance %s after %s", what, step.InstanceID, j.Wait)
			return step
		}
		if f["businessId"] != nil && j.Caller.Protocol == market.V1 { // another one on every request
			f["businessId"] = j.IDs.UUID()
		}
		select {
		case <-time.After(j.Interval):
		case <-ctx.Done():
			step.Fault = "interrupted"
			return step
		}
	}
}

// faultOf says in one line why an answer is not good.
func faultOf(a Answer) string {
	switch {
	case a.OK():
		return ""
	case a.Fault != "":
		return a.Fault
	case len(a.Findings) > 0:
		return a.Findings[0]
	}
	return fmt.Sprintf("resultCode %s %s", a.Code, a.Msg)
}
