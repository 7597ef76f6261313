package gallery

import (
	"reflect"
	"slices"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/web/view"
)

// Script is in every text of the hostile samples; no page may hold it unescaped.
const Script = `<script>alert('x')</script>`

// Nasty is what people and machines really send, and what attackers would.
var Nasty = []string{
	`"><img src=x onerror=alert(1)>` + Script,
	"9223372036854775807",
	"杭州某某信息技术有限公司🚀👩‍👩‍👧‍👦 分公司" + Script,
	"مرحبا \u202eesrever\u202c " + Script,
	strings.Repeat("很长的名字", 30) + strings.Repeat("W", 80) + Script,
	"javascript:alert(1)//" + Script,
	"{{.}} ${x} %s {n} \t\r\n" + Script,
}

// fixed names the fields that hold words of ours and never a stranger's text.
var fixed = []string{"Key", "Code", "Kind", "Status", "Tone", "Theme", "Locale", "Preset", "Role", "State", "Source", "Disposition",
	"Medium", "Activity", "Scene", "Purpose", "Room", "Path", "Param", "Icon", "CSRF", "Name", "Version"}

// hostile puts the nasty texts into every field of the fullest samples.
func hostile(k look) []Sample {
	samples := []Sample{
		{"hostile-messages", view.PageMessages, k.messages(view.ListRows, "q", Script)},
		{"hostile-message", view.PageMessage, k.message("failed")},
		{"hostile-message-done", view.PageMessage, k.message("succeeded")},
		{"hostile-instances", view.PageInstances, k.instances(view.ListRows, "q", Script)},
		{"hostile-instance", view.PageInstance, k.instance("active")},
		{"hostile-instance-form", view.PageInstance, k.instance("wrong")},
		{"hostile-deliveries", view.PageDeliveries, k.deliveries(view.ListRows)},
		{"hostile-delivery", view.PageDelivery, k.deliveryPage("failed")},
		{"hostile-tasks", view.PageTasks, k.tasks(view.ListRows)},
		{"hostile-login", view.PageLogin, k.login()},
		{"hostile-account", view.PageAccount, k.account()},
		{"hostile-error", view.PageError, k.broken(500, fault.Internal, "internal", "/messages")},
	}
	for i := range samples {
		v := reflect.New(reflect.TypeOf(samples[i].Data)).Elem()
		v.Set(reflect.ValueOf(samples[i].Data))
		n := i
		spoil(v, "", &n)
		samples[i].Data = v.Interface()
	}
	return samples
}

// spoil replaces texts, each with the next nasty one.
func spoil(v reflect.Value, name string, n *int) {
	switch v.Kind() {
	case reflect.String:
		if slices.Contains(fixed, name) || v.String() == "" || !v.CanSet() {
			return
		}
		v.SetString(Nasty[*n%len(Nasty)])
		*n++
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[view.Time](), reflect.TypeFor[view.Clock](),
			reflect.TypeFor[market.RetryClock](): // from our own table, no word of it a stranger's
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			// A pair's name is a stranger's, a form field's is ours.
			if field == "Name" && v.Type() == reflect.TypeFor[view.Pair]() {
				field = ""
			}
			spoil(v.Field(i), field, n)
		}
	case reflect.Slice:
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(fresh, v)
		if v.CanSet() {
			v.Set(fresh)
		}
		if v.Type().Elem().Kind() == reflect.Interface {
			return
		}
		for i := range v.Len() {
			spoil(v.Index(i), name, n)
		}
	case reflect.Pointer:
		if !v.IsNil() && v.CanSet() {
			fresh := reflect.New(v.Type().Elem())
			fresh.Elem().Set(v.Elem())
			v.Set(fresh)
			spoil(v.Elem(), name, n)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if v.Type().Elem().Kind() == reflect.String {
				v.SetMapIndex(key, reflect.ValueOf(Nasty[*n%len(Nasty)]))
				*n++
			}
		}
	}
}
