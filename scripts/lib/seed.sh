# shellcheck shell=bash
# What a first run puts into an empty database: an operator, the channel `default` and what its products are
# provisioned by. To be sourced after settings.sh. Whatever is there already belongs to the operators and stays as
# they left it.

operator=admin@koodesk.local
one_time_password=''

# The program makes the password itself: only then it insists on another one at the first sign-in.
add_operator() {
	local answer
	answer=$("$koodesk" operator add --email "$operator" --role admin)
	one_time_password=${answer##*one-time password: }
}

# add_channel OPEN_API
add_channel() {
	printf '%s\n' "$basic_key" | "$koodesk" channel set --slug default --site cn --basic-key - \
		--ak "$market_ak" --sk "$market_sk" --open-api "$1" >&2
	"$koodesk" product set --channel default --product '*' --driver static \
		--front-end-url 'https://app.example.com/i/{instance_id}' --user-name 'admin-{instance_id}' \
		--generate-password >&2
}

# column NUMBER FIRST: of the tab-separated line on stdin whose first column is FIRST.
column() { awk -F '\t' -v n="$1" -v first="$2" '$1 == first { print $n }'; }

# fill_database OPEN_API: the stand-in of the marketplace may have had to move to another port since the last run; the
# channel follows unless somebody gave it another address.
fill_database() {
	local operators channels before
	operators=$("$koodesk" operator list)
	[ -n "$operators" ] || add_operator
	channels=$("$koodesk" channel list)
	before=$(cat "$data/market.url" 2>/dev/null) || before=$1
	if [ -z "$(column 1 default <<<"$channels")" ]; then
		add_channel "$1"
	elif [ "$before" != "$1" ] && [ "$(column 3 default <<<"$channels")" = "$before" ]; then
		"$koodesk" channel set --slug default --site "$(column 2 default <<<"$channels")" --open-api "$1" >&2
	fi
	printf '%s\n' "$1" >"$data/market.url"
}
