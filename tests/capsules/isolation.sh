#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whether capsules keep to themselves: isolation.sh FILE.c...
# Compiles each once plainly and says what it refers to that is not in allowed-symbols, what it
# includes that is not for capsules, and where it has memory that can be written. Exit 1 if any.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd) || exit 2
top=$(cd "$here/../.." && pwd) || exit 2
export LC_ALL=C
failed=0

say() {
	printf '%s: %s\n' "$1" "$2"
	failed=1
}

compile() {
	"${CC:-cc}" -O2 -std=gnu17 -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
		-fno-common -fno-lto -fno-sanitize=all -I"$top" -I"$top/client-lib" -c "$1" -o "$2"
}

check_includes() {
	local header
	while read -r header; do
		case $header in
		daemon/kernel/capsule.h | svc/capsule-half.h | hil/*.h) ;;
		*) say "$1" "includes $header: a capsule sees capsule.h, capsule-half.h and hil/ only" ;;
		esac
	done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1")
}

check_symbols() {
	local symbol
	while read -r symbol; do
		grep -qxF -- "$symbol" "$here/allowed-symbols" ||
			say "$1" "refers to $symbol, which is not in tests/capsules/allowed-symbols"
	done < <(nm --undefined-only --format=posix "$2" | cut -d' ' -f1)
}

# The variables in a section, after their name, to help who must find them.
variables_in() {
	nm --format=sysv "$2" |
		awk -F'|' -v section="$1" '{gsub(/ /, "")} $7 == section && $1 != section {print $1}' |
		paste -sd' '
}

# Every section that is in memory, can be written and is not only so while it is relocated.
check_sections() {
	local name size
	while read -r name size; do
		say "$1" "has writable memory: $((16#$size)) bytes in $name ($(variables_in "$name" "$2"))"
	done < <(readelf --section-headers --wide "$2" |
		sed -n 's/^ *\[ *[0-9]*\] *\([^ ]*\) *[A-Z_]* *[0-9a-f]* [0-9a-f]* \([0-9a-f]*\) [0-9a-f]* *\([A-Za-z]*\).*/\1 \2 \3/p' |
		awk '$3 ~ /W/ && $3 ~ /A/ && $2 !~ /^0*$/ && $1 !~ /^\.data\.rel\.ro/ {print $1, $2}')
}

check_capsule() {
	local object=$work/capsule.o
	rm -f "$object"
	if [ ! -f "$1" ] || ! compile "$1" "$object" || [ ! -s "$object" ]; then
		say "$1" "does not compile"
		return
	fi
	check_includes "$1"
	check_symbols "$1" "$object"
	check_sections "$1" "$object"
}

[ $# -gt 0 ] || {
	echo "usage: isolation.sh FILE.c..." >&2
	exit 2
}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
for capsule in "$@"; do
	check_capsule "$capsule"
done
exit $failed
