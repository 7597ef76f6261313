# shellcheck shell=bash
# Both services of this checkout together. To be sourced after `set -euo pipefail`.

library=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=place.sh
. "$library/place.sh"
# shellcheck source=packages.sh
. "$library/packages.sh"
# shellcheck source=postgres.sh
. "$library/postgres.sh"
# shellcheck source=redis.sh
. "$library/redis.sh"

# services_up: exports DATABASE_URL and REDIS_URL; what the environment already names is not started.
# Plain calls on purpose: inside && or || the shell would overlook failures within the functions.
services_up() {
	if [ -z "${DATABASE_URL:-}" ] || [ -z "${REDIS_URL:-}" ]; then
		lock
		# Programs first: Debian's package brings the account that the service then runs as.
		if [ -z "${DATABASE_URL:-}" ]; then require_postgres; fi
		if [ -z "${REDIS_URL:-}" ]; then require_redis; fi
		choose_place
		settle_services_folder
		if [ -z "${DATABASE_URL:-}" ]; then
			postgres_up
			DATABASE_URL=$database_url
		fi
		if [ -z "${REDIS_URL:-}" ]; then
			redis_up
			REDIS_URL=$redis_url
		fi
		unlock
	fi
	export DATABASE_URL REDIS_URL
}

# services_down NAME…: stops those of this checkout's services, in that order.
services_down() {
	local name
	lock
	choose_place
	for name in "$@"; do
		case $name in
		redis) redis_down ;;
		*) cluster=$name postgres_down ;;
		esac
	done
	unlock
}

# services_borrow: services_up for a program that puts things back when it ends. Several may run at the same time in
# one checkout, so each holds a shared lock (descriptor 8), and what they start is written down in .data/borrowed.
services_borrow() {
	prepare_data
	exec 8>"$data/borrowers"
	hold 8 LOCK_SH
	borrowing=yes
	services_up
}

# about_to_start NAME: written down before the start, so that an interruption leaves nothing behind.
borrowing=''
about_to_start() { [ -z "$borrowing" ] || echo "$1" >>"$data/borrowed"; }

# services_return: the last one out stops what the borrowers started, unless `make services` was called meanwhile.
services_return() {
	if [ -s "$data/borrowed" ] && hold 8 'LOCK_EX | LOCK_NB'; then
		# shellcheck disable=SC2046 # one word per line
		services_down $(sort -ru "$data/borrowed")
		rm -f "$data/borrowed"
	fi
	exec 8>&-
}
