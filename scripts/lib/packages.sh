# shellcheck shell=bash
# Gets missing programs from the system's package manager. To be sourced after place.sh.

# install_packages WHAT BREW APT…: WHAT names it to people; BREW is Homebrew's name, APT the Debian packages.
# Without a package manager that we may use, one line says what to install.
install_packages() {
	local what=$1 brew=$2
	shift 2
	if have apt-get; then
		if is_root; then
			say "installing $what ($*)"
			"$root/scripts/install-packages" "$@" && return 0
		elif have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
			say "installing $what ($*) with sudo"
			sudo "$root/scripts/install-packages" "$@" && return 0
		fi
		die "$what is missing; install it with: sudo apt-get install --no-install-recommends $*"
	elif have brew; then
		say "installing $what ($brew)"
		# shellcheck disable=SC2086 # the name may carry an option (--cask)
		brew install --quiet $brew >&2 9>&- && return 0
		die "$what is missing; install it with: brew install $brew"
	fi
	die "$what is missing; install it with this system's package manager"
}
