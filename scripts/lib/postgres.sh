# shellcheck shell=bash
# The private PostgreSQL clusters of this checkout. To be sourced after place.sh and packages.sh.
# They listen on 127.0.0.1 only and ask for a password that was made for them. "postgres" is as durable as a production
# server: what was bought by hand and what is measured shall not meet a kinder database than customers do. "postgres-test"
# holds nothing but the databases of tests, which end processes and never the machine, and waits for no disk.

# The caller's PGHOST, PGOPTIONS, PGSERVICE and so on speak of another server.
unset "${!PG@}"
database_url=''
cluster=postgres

# postgres_major BIN: its major version, or nothing if the folder lacks one of the programs.
postgres_major() {
	local program
	for program in postgres initdb pg_ctl pg_isready psql; do
		[ -x "$1/$program" ] || return 0
	done
	"$1/postgres" --version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p'
}

# find_postgres [MAJOR]: sets pgbin to the programs of that version, or to the newest.
find_postgres() {
	local bin major wanted=${1:-} newest=13
	pgbin=''
	for bin in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
		/usr/local/opt/postgresql*/bin /usr/local/pgsql/bin "$(dirname "$(command -v postgres || echo /none/postgres)")"; do
		major=$(postgres_major "$bin")
		if [ -n "$major" ] && [ "$major" -gt "$newest" ] && [ "${wanted:-$major}" = "$major" ]; then
			newest=$major
			pgbin=$bin
		fi
	done
	[ -n "$pgbin" ]
}

# find_cluster_postgres: only the version that wrote a data folder can read it.
find_cluster_postgres() {
	local major
	major=$(as_service cat "$pgdata/PG_VERSION" 2>/dev/null) || major=''
	find_postgres "$major" || die "$pgdata was made by PostgreSQL $major, which is not installed any more"
}

require_postgres() {
	find_postgres || install_packages PostgreSQL postgresql@17 postgresql
	find_postgres || die "PostgreSQL 14 or newer is needed"
}

# postgres_pid: the process number of this cluster's server, if it lives. A number alone proves nothing: after a kill
# it may be a zombie's or belong to somebody else, so the command line must name this data folder.
postgres_pid() {
	local pid
	pid=$(as_service head -n 1 "$pgdata/postmaster.pid" 2>/dev/null) || return 1
	case $(command_line "$pid") in
	*postgres*" -D $pgdata "* | *postgres*" -D $pgdata") echo "$pid" ;;
	*) return 1 ;;
	esac
}

# discard_torn_cluster: without fsync, what an unclean end left on the disk is not to be trusted.
discard_torn_cluster() {
	[ "$cluster" = postgres-test ] || return 0
	if as_service test -e "$pgdata/postmaster.pid" && ! postgres_pid >/dev/null; then as_service rm -rf "$pgdata"; fi
}

create_cluster() {
	local locale fresh=$pgdata.new secret=$pgdata.secret
	discard_torn_cluster
	[ ! -f "$pgdata/PG_VERSION" ] || return 0
	say "creating a private PostgreSQL cluster in $pgdata"
	for locale in C.UTF-8 C; do
		rm -rf "$fresh"
		service_folder "$fresh"
		# initdb opens the password file as the service user, who cannot read ours.
		(umask 077 && printf '%s\n' "$postgres_password" >"$secret")
		! is_root || chown "$user" "$secret"
		if as_service "$pgbin/initdb" -D "$fresh" --username=koodesk --pwfile="$secret" \
			--auth=scram-sha-256 --encoding=UTF8 --locale="$locale" >"$data/postgres-create.log" 2>&1 9>&-; then
			as_service sh -c "echo \"include = 'koodesk.conf'\" >>\"\$1/postgresql.conf\"" sh "$fresh"
			rm -f "$secret"
			[ ! -d "$pgdata" ] || rmdir "$pgdata"
			# Only a complete cluster gets the final name: an interrupted start leaves nothing that looks like one.
			mv "$fresh" "$pgdata"
			return 0
		fi
		rm -f "$secret"
	done
	die "initdb failed, see $data/postgres-create.log"
}

# Written at every start, so that a change made here reaches clusters that exist.
postgres_settings() {
	cat <<END
listen_addresses = '127.0.0.1'
port = $postgres_port
unix_socket_directories = ''
max_connections = 300
shared_buffers = 256MB
wal_level = minimal
max_wal_senders = 0
timezone = 'UTC'
log_timezone = 'UTC'
log_min_duration_statement = -1
logging_collector = off
cluster_name = 'koodesk'
END
	case $cluster in
	postgres) printf '%s\n' 'fsync = on' 'synchronous_commit = on' 'max_wal_size = 1GB' ;;
	postgres-test) printf '%s\n' 'fsync = off' 'synchronous_commit = off' 'full_page_writes = off' 'max_wal_size = 4GB' ;;
	esac
}

postgres_ready() { "$pgbin/pg_isready" -q -h 127.0.0.1 -p "$postgres_port" -t 2; }

# start_postgres: fails if the server did not come up.
start_postgres() {
	local pid
	postgres_settings | as_service sh -c 'cat >"$1"' sh "$pgdata/koodesk.conf"
	# A lock file left by a kill blocks the start if its number is a zombie's or somebody else's by now.
	if pid=$(as_service head -n 1 "$pgdata/postmaster.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null; then
		as_service rm -f "$pgdata/postmaster.pid"
	fi
	detached "$pgbin/pg_ctl" start -D "$pgdata" -l "$pglog" -w -t 120 && within 120 postgres_ready
}

# query DATABASE SQL: the bare answer.
query() {
	PGPASSWORD=$postgres_password "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$postgres_port" -U koodesk \
		-d "$1" -c "$2"
}

# postgres_up: sets database_url, postgres_port and postgres_password for $cluster.
postgres_up() {
	local attempt offset=0
	[ "$cluster" = postgres ] || offset=4
	pgdata=$services/$cluster pglog=$services/$cluster/server.log
	find_cluster_postgres
	postgres_password=$(remembered postgres_password random_hex 16)
	create_cluster
	if postgres_pid >/dev/null; then
		postgres_port=$(as_service sed -n 4p "$pgdata/postmaster.pid")
		within 120 postgres_ready || die "PostgreSQL does not answer on port $postgres_port, see $pglog"
	else
		postgres_port=$(own_port "$cluster" $offset)
		about_to_start "$cluster"
		as_service sh -c 'test ! -f "$1" || mv -f "$1" "$1.old"' sh "$pglog"
		# Somebody may take the port between our look and the start, and the children of a killed server may need a
		# moment to let go of its memory.
		for attempt in 1 2 3 4 5; do
			if start_postgres; then break; fi
			[ "$attempt" -lt 5 ] || die "PostgreSQL does not start, see $pglog"
			if as_service grep -q 'could not bind' "$pglog"; then
				postgres_port=$(keep_port "$cluster" $((postgres_port + 2)))
			fi
			sleep 1
		done
		say "PostgreSQL runs on 127.0.0.1:$postgres_port, data in $pgdata"
	fi
	if [ "$(query postgres "SELECT 1 FROM pg_database WHERE datname = 'koodesk'")" != 1 ]; then
		query postgres 'CREATE DATABASE koodesk'
	fi
	database_url="postgres://koodesk:$postgres_password@127.0.0.1:$postgres_port/koodesk?sslmode=disable"
}

# postgres_down: fast shutdown (clients are cut off, nothing committed is lost), immediate if that takes too long.
postgres_down() {
	pgdata=$services/$cluster
	postgres_pid >/dev/null || return 0
	find_cluster_postgres
	detached "$pgbin/pg_ctl" stop -D "$pgdata" -m fast -w -t 60 ||
		detached "$pgbin/pg_ctl" stop -D "$pgdata" -m immediate -w -t 30 || die "PostgreSQL in $pgdata does not stop"
	say "PostgreSQL stopped"
}
