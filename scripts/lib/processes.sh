# shellcheck shell=bash
# Long-running programs of a script: started apart from the terminal's Ctrl-C, stopped in order. To be sourced after
# place.sh.

# apart COMMAND…: gives COMMAND a process group of its own, so that Ctrl-C reaches only the script, which then stops
# its programs one after the other.
apart() { exec perl -e 'setpgrp; exec @ARGV or exit 127' "$@" 8>&- 9>&-; }

ended() { ! kill -0 "$1" 2>/dev/null; }

# end PID SECONDS: asks it to stop, insists after that time, and waits until it is gone.
end() {
	[ -n "$1" ] || return 0
	kill -TERM "$1" 2>/dev/null || true
	within "$2" ended "$1" || kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# answers HOST PORT PATH: GET gives a 200. (A bare Debian has no curl.)
answers() {
	limited 5 perl -MIO::Socket::INET -e 'my ($host, $port, $path) = @ARGV;
		my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 2) or exit 1;
		print $s "GET $path HTTP/1.0\r\nHost: $host:$port\r\n\r\n";
		exit !(<$s> =~ m{^HTTP/1\.\d 200\b})' "$1" "$2" "$3" 2>/dev/null
}
