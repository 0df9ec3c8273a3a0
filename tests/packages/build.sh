#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes Debian's packages of this tree: tests/packages/build.sh [OUTDIR]
# First of the version that configure.ac says, which lintian looks at; then of a higher one, with
# which an upgrade is tested. All of them lie in OUTDIR then (build/packages if it is not given), and
# what they were made from in OUTDIR/current and OUTDIR/next. Exit status 77: no tools for it here.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MFLAGS PLUTON_ADDRESS PLUTON_BUILD
# Debian's own tools, as where packages are made; with ccache where it is.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
jobs=$(nproc)
export LC_ALL=C DEB_BUILD_PROFILES=nocheck
export DEB_BUILD_OPTIONS="nocheck terse parallel=$jobs ${DEB_BUILD_OPTIONS:-}"
out=$(realpath -m "${1:-build/packages}")

say() {
	printf '%s\n' "$*"
}

die() {
	say "$0: $*" >&2
	exit 1
}

# Everything that would be committed, or was unpacked from make dist, and nothing that was built.
files() {
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard |
			while IFS= read -r -d '' file; do
				[ ! -e "$file" ] || printf '%s\0' "$file"
			done
	else
		find . -path ./build -prune -o -path ./autom4te.cache -prune -o -type f \
			! -name '*.pyc' -print0
	fi
}

upstream_version() {
	sed -n 's/^AC_INIT(\[pluton\], \[\([^]]*\)\].*/\1/p' configure.ac
}

# export_tree DIR VERSION
export_tree() {
	local tree=$1 version=$2
	rm -rf "$tree"
	mkdir -p "$tree" && files | tar --null -T - -cf - | tar -C "$tree" -xf - || return 1
	[ "$version" != "$(upstream_version)" ] || return 0
	sed -i "s/^AC_INIT(\[pluton\], \[[^]]*\]/AC_INIT([pluton], [$version]/" "$tree/configure.ac"
	sed -i "1s/([^)]*)/($version)/" "$tree/debian/changelog"
}

# build NAME VERSION TYPE
build() {
	local folder=$out/$1 version=$2 type=$3 log=$out/$1.log
	say "Building pluton $version in $folder"
	rm -rf "$folder"
	export_tree "$folder/pluton-$version" "$version" || die "cannot copy the sources"
	(cd "$folder/pluton-$version" && dpkg-buildpackage -us -uc "--build=$type") \
		</dev/null >"$log" 2>&1 || {
		grep -E 'error:|warning:|\*\*\*' "$log" | head -n 30
		tail -n 15 "$log"
		die "dpkg-buildpackage failed: $log has all of it"
	}
	! grep -E 'dpkg-gensymbols: warning|dh_missing: warning' "$log" || die "see the warnings above"
	find "$folder" -maxdepth 1 -name '*.deb' ! -name '*-dbgsym_*' -exec cp {} "$out" \;
}

# No tag is let pass but those that debian/ overrides, with the reason.
look() {
	lintian --allow-root --tag-display-limit 0 --display-info --display-experimental --info \
		--pedantic --fail-on error,warning,info,pedantic "$out"/current/*.changes
}

contents() {
	local package
	for package in "$out"/*_"$version"_*.deb; do
		say "== ${package##*/}"
		dpkg-deb --contents "$package" | awk '$1 !~ /^d/ { print $1, $2, $6, $7, $8 }'
	done
}

missing=
for tool in dpkg-buildpackage dh dh_apparmor lintian; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
	say "not here:$missing (packages dpkg-dev, debhelper, dh-apparmor, lintian)"
	exit 77
fi
version=$(upstream_version)
packaged=$(dpkg-parsechangelog -l debian/changelog -S Version)
[ -n "$version" ] || die "configure.ac says no version"
[ "$packaged" = "$version" ] ||
	die "debian/changelog is of version $packaged, configure.ac of $version: add an entry"
mkdir -p "$out" && rm -f "$out"/*.deb || exit 1
build current "$version" full
look || die "lintian found something"
contents
build next "$version+next" binary
