package alert

import (
	"strconv"
	"strings"
	"time"
)

// The robots' own bounds, in bytes: WeCom refuses more than 4,096 of markdown,
// DingTalk and Feishu more than about 20,000 of a body.
const (
	weComMost    = 4096
	dingTalkMost = 18000
)

// dingTalk is 钉钉's custom robot: markdown; the signature is over the time and the
// secret, in the address.
func dingTalk(c Content, target, secret string, at time.Time) (string, any, error) {
	if secret != "" {
		ms := strconv.FormatInt(at.UnixMilli(), 10)
		var err error
		if target, err = withQuery(target, "timestamp", ms, "sign", sign(secret, ms+"\n"+secret)); err != nil {
			return "", nil, err
		}
	}
	parts := make([]string, 0, len(c.Items))
	for _, i := range c.Items {
		parts = append(parts, markdownItem(i, "**"+plain(i.Label)+"**", "\n\n> ")+"\n\n")
	}
	text := within(dingTalkMost, "### "+plain(c.Title)+"\n\n", parts, markdownTail(c, "\n\n"))
	return target, map[string]any{"msgtype": "markdown", "markdown": map[string]string{"title": plain(c.Title), "text": text}}, nil
}

// weCom is 企业微信's group robot: markdown, unsigned; its address is the secret.
func weCom(c Content, target, _ string, _ time.Time) (string, any, error) {
	parts := make([]string, 0, len(c.Items))
	for _, i := range c.Items {
		colour := "comment"
		switch {
		case i.Critical():
			colour = "warning"
		case i.Over():
			colour = "info"
		}
		parts = append(parts, markdownItem(i, `<font color="`+colour+`">`+plain(i.Label)+`</font>`, "\n> ")+"\n")
	}
	text := within(weComMost, "### "+plain(c.Title)+"\n", parts, markdownTail(c, "\n"))
	return target, map[string]any{"msgtype": "markdown", "markdown": map[string]string{"content": text}}, nil
}

// markdownItem is one turn: what it is, why, what to do, until when, and the way to it.
func markdownItem(i Item, label, line string) string {
	var b strings.Builder
	b.WriteString(label + " " + plain(i.Title))
	for _, s := range i.lines() {
		b.WriteString(line + plain(s))
	}
	b.WriteString(line + "[" + plain(i.Link) + "](" + i.Link + ")")
	return b.String()
}

func markdownTail(c Content, gap string) string {
	tail := ""
	if c.Rest != "" {
		tail = plain(c.Rest) + gap
	}
	return tail + "[" + plain(c.LinkText) + "](" + c.Link + ")" + gap + plain(c.Footer)
}

// feishu is 飞书's and Lark's custom bot: a post, whose texts are no markup; the
// signature has time and secret as its key, and signs nothing.
func feishu(c Content, target, secret string, at time.Time) (string, any, error) {
	type run map[string]string
	text := func(s string) run { return run{"tag": "text", "text": s} }
	var lines [][]run
	for _, i := range c.Items {
		lines = append(lines, []run{text("【" + i.Label + "】" + i.Title)})
		for _, s := range i.lines() {
			lines = append(lines, []run{text(s)})
		}
		lines = append(lines, []run{{"tag": "a", "text": i.Link, "href": i.Link}})
	}
	if c.Rest != "" {
		lines = append(lines, []run{text(c.Rest)})
	}
	lines = append(lines, []run{{"tag": "a", "text": c.LinkText, "href": c.Link}}, []run{text(c.Footer)})
	language := "zh_cn"
	if c.Language == "en" {
		language = "en_us"
	}
	body := map[string]any{"msg_type": "post", "content": map[string]any{"post": map[string]any{language: map[string]any{"title": c.Title, "content": lines}}}}
	if secret != "" {
		seconds := strconv.FormatInt(at.Unix(), 10)
		body["timestamp"], body["sign"] = seconds, sign(seconds+"\n"+secret, "")
	}
	return target, body, nil
}

// The bounds of Slack's blocks, in characters.
const (
	slackHeader  = 150
	slackSection = 3000
)

// slack is an incoming webhook: blocks, and a text for notifications; unsigned, its
// address is the secret.
func slack(c Content, target, _ string, _ time.Time) (string, any, error) {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	section := func(s string) map[string]any {
		return map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": cut(s, slackSection)}}
	}
	blocks := []map[string]any{{"type": "header", "text": map[string]any{"type": "plain_text", "text": cut(c.Title, slackHeader)}}}
	for _, i := range c.Items {
		s := "*" + escape(plain(i.Label)) + "* " + escape(plain(i.Title))
		for _, more := range i.lines() {
			s += "\n" + escape(plain(more))
		}
		blocks = append(blocks, section(s+"\n<"+escape(i.Link)+">"))
	}
	if c.Rest != "" {
		blocks = append(blocks, section(escape(plain(c.Rest))))
	}
	blocks = append(blocks, section("<"+escape(c.Link)+"|"+escape(plain(c.LinkText))+">"),
		map[string]any{"type": "context", "elements": []map[string]any{{"type": "mrkdwn", "text": escape(plain(c.Footer))}}})
	return target, map[string]any{"text": escape(plain(c.Title)), "blocks": blocks}, nil
}

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
