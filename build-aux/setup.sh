# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What ./quickstart and ./check begin with: Debian's packages, and a build tree under build/.
# Sourced from the top of the source tree. Everything it says goes to stderr; it reads no stdin.

SETUP_BUILD_PACKAGES="gcc libc6-dev make autoconf automake libtool pkg-config libevent-dev
	libssl-dev nettle-dev libsystemd-dev libinih-dev libjson-c-dev libtpms-dev libtss2-dev python3 openssl"
# The tour and a private bus: systemd brings busctl and systemd-creds.
SETUP_TOUR_PACKAGES="dbus-daemon systemd tpm2-tools"
SETUP_CHECK_PACKAGES="clang clang-format libclang-rt-dev libcunit1-dev binutils xz-utils
	git swtpm tpm2-abrmd libtss2-tcti-tabrmd0 python3-yaml expect xxd
	systemd-container dbus cryptsetup-bin libtss2-tcti-device0 procps passwd bash-completion
	dpkg-dev debhelper dh-apparmor lintian apparmor
	python3-cryptography-vectors"

setup_say() {
	printf '%s\n' "$*" >&2
}

# The packages among the arguments that are not installed.
setup_missing() {
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf '%s ' "$package"
	done
}

# Runs a command and shows what it printed only if it failed.
setup_quietly() {
	local log=$1
	shift
	"$@" </dev/null >"$log" 2>&1 && return 0
	tail -n 40 "$log" >&2
	setup_say "failed: $*; all it printed is in $log"
	return 1
}

setup_apt() {
	local as_root=
	[ "$(id -u)" -eq 0 ] || as_root=sudo
	$as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# The lists of packages may be missing (a fresh container) or old: then they are fetched once.
setup_install() {
	setup_apt install --no-install-recommends "$@" && return 0
	setup_apt update && setup_apt install --no-install-recommends "$@"
}

# setup_packages [check]: what is needed to build and for the tour, and with "check" to run every test.
setup_packages() {
	local wanted="$SETUP_BUILD_PACKAGES $SETUP_TOUR_PACKAGES" missing
	[ "${1:-}" != check ] || wanted="$wanted $SETUP_CHECK_PACKAGES"
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		setup_say "This is no Debian system; if the build fails, install what these are here:" \
			$wanted
		return 0
	fi
	missing=$(setup_missing $wanted)
	[ -n "$missing" ] || return 0
	setup_say "Installing from Debian's packages: $missing"
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
		setup_say "Neither root nor sudo: ask somebody to run: apt-get install $missing"
		return 1
	fi
	mkdir -p build
	setup_quietly build/packages.log setup_install $missing
}

setup_autoreconf() {
	[ -x configure ] && [ -f Makefile.in ] && return 0
	setup_say "Making ./configure"
	mkdir -p build-aux/m4
	setup_quietly build/autoreconf.log autoreconf -i
}

# Configures again only where the arguments are not those of the last time.
setup_configure() {
	local dir=$1 top=$PWD arguments
	shift
	arguments=$(printf '%q ' "$@")
	if [ -f "$dir/config.status" ] &&
		[ "$(cat "$dir/configured-with" 2>/dev/null)" = "$arguments" ]; then
		return 0
	fi
	setup_say "Configuring $dir"
	(cd "$dir" && setup_quietly "$top/$dir/configure.log" "$top/configure" "$@") || return 1
	printf '%s\n' "$arguments" >"$dir/configured-with"
}

setup_make() {
	local dir=$1
	# -o: config.status keeps the date of a config.h that did not change, which make -n misreads.
	if [ ! -e "$dir/plutond" ] ||
		make -C "$dir" -n -o config.h all-am 2>/dev/null | grep -q '"  CC'; then
		setup_say "Building in $dir"
	fi
	setup_quietly "$dir/make.log" make -C "$dir" -j"$(nproc)"
}

setup_steps() {
	setup_autoreconf && setup_configure "$@" && setup_make "$1"
}

# setup_build [DIR [ARGUMENT-OF-CONFIGURE]...]: DIR is build/default if it is not given. One at a
# time; says nothing when all is up to date.
setup_build() {
	local dir=${1:-build/default}
	[ $# -eq 0 ] || shift
	mkdir -p "$dir" || return 1
	(
		flock 9 && setup_steps "$dir" "$@" 9>&-
	) 9>build/lock
}
