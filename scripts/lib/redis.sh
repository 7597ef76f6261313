# shellcheck shell=bash
# The private Redis of this checkout. To be sourced after place.sh and packages.sh.
# It keeps an append-only file and never evicts, as Asynq needs it, and asks for a password that was made for it.

redis_url=''

redis_call() { REDISCLI_AUTH=$redis_password limited 3 redis-cli -h 127.0.0.1 -p "$redis_port" "$@" 2>/dev/null; }

# redis_is_ours: somebody answers on the remembered port, takes our password and works in our folder (the last check
# tells a copied checkout from its original).
redis_is_ours() { [ "$(redis_call CONFIG GET dir | tail -n 1)" = "$services/redis" ]; }

redis_ready() { [ "$(redis_call PING)" = PONG ]; }

redis_recall() {
	redis_port=''
	[ ! -s "$data/redis.port" ] || redis_port=$(cat "$data/redis.port")
	redis_password=$(remembered redis_password random_hex 16)
	[ -n "$redis_port" ] && redis_is_ours
}

redis_settings() {
	cat <<END
bind 127.0.0.1
port $redis_port
protected-mode yes
requirepass $redis_password
dir "$services/redis"
pidfile "$services/redis/server.pid"
logfile "$services/redis/server.log"
daemonize yes
databases 64
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
save ""
END
}

redis_port_lost() { as_service grep -q 'Failed listening' "$services/redis/server.log" 2>/dev/null; }

redis_settled() { redis_is_ours || redis_port_lost; }

# start_redis: fails if somebody took the port between our look and the start.
start_redis() {
	redis_settings | as_service sh -c 'umask 077 && cat >"$1"' sh "$services/redis/redis.conf"
	as_service sh -c 'test ! -f "$1" || mv -f "$1" "$1.old"' sh "$services/redis/server.log"
	if ! detached "$(command -v redis-server)" "$services/redis/redis.conf" || ! within 60 redis_settled; then
		die "Redis does not start, see $services/redis/server.log"
	fi
	redis_is_ours
}

require_redis() {
	if ! have redis-server || ! have redis-cli; then install_packages Redis redis redis-server; fi
}

# redis_up: sets redis_url.
redis_up() {
	service_folder "$services/redis"
	if ! redis_recall; then
		about_to_start redis
		redis_port=$(own_port redis 1)
		until start_redis; do redis_port=$(keep_port redis $((redis_port + 2))); done
		say "Redis runs on 127.0.0.1:$redis_port, data in $services/redis"
	fi
	within 120 redis_ready || die "Redis does not answer on port $redis_port"
	redis_url="redis://default:$redis_password@127.0.0.1:$redis_port/0"
}

redis_gone() { ! port_taken "$redis_port"; }

redis_down() {
	# Without its pid file it has never run or was stopped properly; with it, it may still be starting.
	if ! as_service test -e "$services/redis/server.pid" || ! within 3 redis_recall; then return 0; fi
	redis_call SHUTDOWN || true
	within 60 redis_gone || die "Redis on port $redis_port does not stop"
	say "Redis stopped"
}
