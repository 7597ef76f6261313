# shellcheck shell=bash
# Where this checkout keeps its private services, which ports they use, and as whom they run.
# To be sourced by the scripts beside it after `set -euo pipefail`. Works with bash 3.2 (macOS).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
data=$root/.data

# Answers on stdout are for machines, so whatever is for people goes to stderr. A terminal that is gone must not stop
# a script from cleaning up.
say() { printf 'koodesk: %s\n' "$*" >&2 || true; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

id -un >/dev/null 2>&1 || die "user number $(id -u) has no name in /etc/passwd, which PostgreSQL's initdb needs"

# remembered NAME COMMAND…: the content of .data/NAME, made once by COMMAND and readable by its owner only.
remembered() {
	local file=$data/$1
	shift
	if [ ! -s "$file" ]; then
		(umask 077 && "$@" >"$file.new" && mv -f "$file.new" "$file") || return 1
	fi
	cat "$file" || die "cannot read $file as $(id -un)"
}

random_hex() { od -An -v -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
random_base64() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }

# hold DESCRIPTOR LOCK_SH|LOCK_EX|LOCK_EX|LOCK_NB: flock(2), which macOS has no command for. The lock lasts until the
# last copy of the descriptor is closed, even by a kill, so a lock file never becomes stale.
hold() { perl -MFcntl=:flock -e "open(F, '>&=', $1) && flock(F, $2) or exit 1"; }

# lock makes start and stop of this checkout's services wait for each other. Descriptor 9 must stay closed in
# daemons (detached below), or they would hold the lock for as long as they live.
lock() {
	prepare_data
	exec 9>"$data/lock"
	hold 9 LOCK_EX
}

# unlock also gives root's new files to the user to whom the checkout belongs.
unlock() {
	if is_root && [ "$user" = "$(owner_of "$root")" ] && [ "$services" = "$data" ]; then chown -R "$user" "$data"; fi
	exec 9>&-
}

# port_taken PORT: tries what a server will do. Asking whether somebody answers would miss a port that is bound but
# does not listen, and wait for one whose queue is full.
port_taken() {
	! perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0) && setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1)
		&& bind(S, sockaddr_in(shift, INADDR_LOOPBACK)) && listen(S, 1) or exit 1' "$1"
}

# free_port FIRST: the first port from FIRST on that is free on the loopback interface.
free_port() {
	local port
	for ((port = $1; port < $1 + 200; port++)); do
		if ! port_taken "$port"; then
			echo "$port"
			return 0
		fi
	done
	return 1
}

# own_port NAME OFFSET: the port that this checkout last used for NAME, or another one if somebody else took it.
# The first choice comes from the checkout's path, below the range that systems hand out to clients.
own_port() {
	local port=''
	[ ! -s "$data/$1.port" ] || port=$(cat "$data/$1.port")
	case $port in
	'' | *[!0-9]*) port=$((20000 + $(path_sum) % 10000 + $2)) ;;
	esac
	keep_port "$1" "$port"
}

# keep_port NAME FIRST: remembers and prints the first free port from FIRST on.
keep_port() {
	local port
	port=$(free_port "$2") || die "no free port on 127.0.0.1 from $2 on"
	echo "$port" | tee "$data/$1.port"
}

# prepare_data makes .data. 0711: the account that runs the services must be able to pass through, not to look around.
prepare_data() {
	mkdir -m 0711 "$data" 2>/dev/null || [ -d "$data" ] || die "cannot create $data: make the checkout writable for $(id -un)"
	[ -w "$data" ] || die "$data is not writable for $(id -un); it belongs to $(owner_of "$data")"
}

path_sum() { printf '%s' "$root" | cksum | cut -d' ' -f1; }

owner_of() { stat -c %U "$1" 2>/dev/null || stat -f %Su "$1"; }

# service_user: who runs the services. PostgreSQL refuses root, so root hands them to whom the data or the checkout
# belongs (root and a user can take turns in one checkout), else to an unprivileged account.
service_user() {
	local folder user
	if ! is_root; then
		id -un
		return 0
	fi
	for folder in "$services/postgres" "$services/postgres-test" "$services/redis" "$root"; do
		[ -d "$folder" ] || continue
		user=$(owner_of "$folder")
		if [ "$user" != root ] && id "$user" >/dev/null 2>&1; then
			echo "$user"
			return 0
		fi
	done
	for user in postgres koodesk; do
		if id "$user" >/dev/null 2>&1; then
			echo "$user"
			return 0
		fi
	done
	useradd --system --user-group --no-create-home --shell /usr/sbin/nologin koodesk >&2 ||
		die "PostgreSQL does not run as root: create a user named koodesk, or start as an ordinary user"
	echo koodesk
}

# services_folder: .data, or where settle_services_folder had to go instead.
services_folder() {
	local elsewhere
	elsewhere=/var/lib/koodesk-dev/$(path_sum)
	if is_root && [ -d "$elsewhere" ]; then echo "$elsewhere"; else echo "$data"; fi
}

# choose_place sets the folder and the user of the services.
choose_place() {
	services=$(services_folder)
	user=$(service_user)
}

# settle_services_folder: an unprivileged account may be unable to enter a folder above the checkout (a checkout in
# root's home, for one). Then the services' data lives below /var/lib, always the same place for the same checkout.
settle_services_folder() {
	local elsewhere
	[ "$services" = "$data" ] || return 0
	as_service test -x "$data" 2>/dev/null && return 0
	elsewhere=/var/lib/koodesk-dev/$(path_sum)
	is_root || die "cannot enter $data as $(id -un)"
	say "user $user cannot enter $root; the services keep their data in $elsewhere"
	mkdir -p "$elsewhere"
	chmod 0711 /var/lib/koodesk-dev "$elsewhere"
	printf '%s\n' "$root" >"$elsewhere/checkout"
	services=$elsewhere
}

# as_service COMMAND…: runs it as the service user with a bare environment (no secret of the caller in a daemon's
# environment), in a folder that this user can enter.
as_service() {
	local bare=(env -i "PATH=$PATH" LC_ALL=C TZ=UTC)
	if ! is_root; then
		(cd / && "${bare[@]}" "$@")
	elif have setpriv; then
		(cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "${bare[@]}" "$@")
	else
		(cd / && runuser -u "$user" -- "${bare[@]}" "$@")
	fi
}

# detached COMMAND…: as_service for what becomes a daemon. It inherits no descriptor: not the lock, not a pipe whose
# reader waits for the end (`eval "$(make -s services)"`), nothing that a caller left open at a high number; and Ctrl-C
# in the terminal does not reach it, so that a start is either complete or did not happen.
detached() {
	as_service perl -MPOSIX -e 'setpgrp; POSIX::close($_) for 3 .. 1023; exec @ARGV or exit 127' "$@" \
		</dev/null >/dev/null 2>&1
}

service_folder() {
	[ -d "$1" ] || mkdir -m 0700 "$1"
	! is_root || chown "$user:" "$1"
}

# command_line PID: the words that a live process was started with; nothing for a zombie or a free number.
command_line() {
	if [ -d /proc/self ]; then
		tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" || true
	else
		ps -ww -o args= -p "$1" 2>/dev/null || true
	fi
}

# limited SECONDS COMMAND…: ends COMMAND if it takes longer (macOS has no timeout command).
limited() { perl -e 'alarm shift; exec @ARGV or exit 127' "$@"; }

# within SECONDS COMMAND…: repeats COMMAND until it succeeds.
within() {
	local until=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.1
	done
}
