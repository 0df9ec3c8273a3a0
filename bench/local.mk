# SPDX-License-Identifier: Apache-2.0
# `make bench` builds and runs every program of BENCHES; they print ratios, and never fail by time.
EXTRA_PROGRAMS = $(BENCHES)

bench: $(BENCHES)
	@set -e; for program in $(BENCHES); do echo "== $$program"; ./$$program; done
