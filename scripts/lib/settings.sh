# shellcheck shell=bash
# The settings under which this checkout's program runs: the environment, then .env (which the program reads too),
# then what the scripts make themselves. To be sourced after services.sh.

koodesk=${KOODESK_BIN:-$root/bin/koodesk}

# configured NAME…: takes settings over from .env unless the environment has them.
configured() {
	local name value
	[ -f "$root/.env" ] || return 0
	for name in "$@"; do
		[ -z "${!name:-}" ] || continue
		value=$(sed -n "s/^\(export \)\{0,1\}$name *= *//p" "$root/.env" | tail -n 1)
		value=${value%\"} value=${value#\"} value=${value%\'} value=${value#\'}
		if [ -n "$value" ]; then export "$name=$value"; fi
	done
}

# settle_settings: after it, services_borrow completes what the program cannot do without.
settle_settings() {
	[ -x "$koodesk" ] || die "$koodesk is missing: make build"
	prepare_data
	configured DATABASE_URL REDIS_URL SECRET_KEY ADDR METRICS_ADDR PUBLIC_URL WEBHOOK_ALLOW_PRIVATE
	# A product that is tried out on this machine may be called.
	export WEBHOOK_ALLOW_PRIVATE="${WEBHOOK_ALLOW_PRIVATE:-127.0.0.0/8,::1}"
	[ -n "${SECRET_KEY:-}" ] || SECRET_KEY=$(remembered secret_key random_base64 32)
	export SECRET_KEY
}
