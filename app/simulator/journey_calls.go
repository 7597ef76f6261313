package simulator

import (
	"context"
	"fmt"
	"time"

	"koodesk/app/market"
)

// expected is a stage whose answer is known beforehand.
type expected struct {
	stage
	code market.ResultCode
}

// codeStages is the life of an authorization code that the seller first hears of
// by its renewal. A debugging call is answered with success whatever it asks.
var codeStages = []expected{
	{stage{"renew", market.RefreshLicenseCode, nil}, market.Success},
	{stage{"again", market.RefreshLicenseCode, nil}, market.Success},
	{stage{"cancel", market.RefreshLicenseCode, Fields{"scene": string(market.UnsubscribeRenewalPeriod)}}, market.Success},
	{stage{"freeze", market.UpdateLicenseCodeStatus, Fields{"status": market.Freeze}}, market.Success},
	{stage{"unfreeze", market.UpdateLicenseCodeStatus, Fields{"status": market.Unfreeze}}, market.Success},
	{stage{"release", market.ReleaseLicenseCode, nil}, market.Success},
	{stage{"late", market.UpdateLicenseCodeStatus, Fields{"status": market.Unfreeze}}, market.NoSuchInstance},
}

var noticeStages = []expected{
	{stage{"notify", market.OrderNotify, nil}, market.Success},
	{stage{"again", market.OrderNotify, nil}, market.Success},
}

// runCalls plays stages that need nothing from each other's answers.
func (j Journey) runCalls(ctx context.Context, see func(Step)) (steps []Step, ok bool) {
	stages, set := noticeStages, Fields{}
	order := j.IDs.OrderID()
	if j.Test {
		order = "MOCKPERIODYEARNEW"
	}
	if j.Caller.Protocol == market.LicenseCode {
		stages, set["license"] = codeStages, j.IDs.LicenseCode()
	}
	for _, st := range stages {
		started := time.Now()
		step := Step{Name: st.name, Calls: 1}
		fields := Fields{}
		for _, more := range []Fields{set, st.set} {
			for name, value := range more {
				fields[name] = value
			}
		}
		if activitiesOf(j.Caller.Protocol)[st.activity].mockOrder != "" {
			fields["orderId"] = order
		}
		f, err := newCall(j.Caller.Protocol, st.activity, fields, nil, j.Test, j.IDs)
		if err != nil {
			step.Fault = err.Error()
		} else {
			step.Answer = j.Caller.Call(ctx, f)
			step.Fault = j.unexpected(step.Answer, st.code)
		}
		step.Took = time.Since(started)
		steps = append(steps, step)
		see(step)
		if !step.OK() {
			return steps, false
		}
	}
	return steps, true
}

func (j Journey) unexpected(a Answer, want market.ResultCode) string {
	if j.Test {
		want = market.Success
	}
	if a.Conformant() && a.Code == want {
		return ""
	}
	if f := faultOf(a); f != "" {
		return f
	}
	return fmt.Sprintf("resultCode %s, want %s", a.Code, want)
}
