# SPDX-License-Identifier: Apache-2.0
# `make bench` builds and runs every program of BENCHES; they print ratios, and never fail by time.
# `make check` builds them too: tests/integration/test_bench.py sees that they work.
BENCHES += bench/crypto bench/roundtrip bench/footprint bench/lazy-vs-static bench/tpm-roundtrip \
	bench/rings
check_PROGRAMS += $(BENCHES)
EXTRA_DIST += bench/README.md bench/lazy-vs-static.py

# A daemon is started here as pluton-run does it.
BENCH_SOURCES = \
	bench/cpus.c bench/cpus.h \
	bench/daemon.c bench/daemon.h \
	bench/program.c bench/program.h \
	bench/race.c bench/race.h \
	bench/table.c bench/table.h \
	cli/run_daemon.c cli/run_daemon.h \
	cli/run_folder.c cli/run_folder.h \
	cli/run_signals.c cli/run_signals.h
BENCH_CPPFLAGS = $(AM_CPPFLAGS) -DBUILD_FOLDER='"$(abs_top_builddir)"' \
	-DSOURCE_FOLDER='"$(abs_top_srcdir)"'

bench_crypto_CPPFLAGS = $(BENCH_CPPFLAGS) $(CRYPTO_CFLAGS)
bench_crypto_SOURCES = bench/crypto.c bench/crypto_data.c bench/crypto_keys.c bench/crypto_loads.c \
	bench/crypto_parts.h bench/crypto_table.c bench/evp.c bench/evp.h bench/evp_keys.c bench/evp_keys.h \
	$(BENCH_SOURCES)
bench_crypto_LDADD = libpluton.la $(CRYPTO_LIBS)
bench_crypto_LDFLAGS = $(PROGRAM_LDFLAGS) -no-install

bench_rings_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_rings_SOURCES = bench/rings.c $(BENCH_SOURCES)
bench_rings_LDADD = libpluton.la
bench_rings_LDFLAGS = $(PROGRAM_LDFLAGS) -no-install

bench_roundtrip_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_roundtrip_SOURCES = bench/roundtrip.c bench/pingpong.c bench/pingpong.h $(BENCH_SOURCES)
bench_roundtrip_LDADD = libpluton.la
bench_roundtrip_LDFLAGS = $(PROGRAM_LDFLAGS) -no-install

bench_footprint_CPPFLAGS = $(BENCH_CPPFLAGS) $(EVENT_CFLAGS)
bench_footprint_SOURCES = bench/footprint.c bench/crowd.c bench/crowd.h \
	bench/memory.c bench/memory.h bench/sections.c bench/sections.h $(BENCH_SOURCES)
bench_footprint_LDADD = libpluton.la libkernel.la
bench_footprint_LDFLAGS = $(PROGRAM_LDFLAGS) -no-install

bench_lazy_vs_static_CPPFLAGS = $(BENCH_CPPFLAGS) $(CRYPTO_CFLAGS) $(EVENT_CFLAGS) $(NETTLE_CFLAGS)
bench_lazy_vs_static_SOURCES = bench/lazy-vs-static.c bench/evp.c bench/evp.h \
	bench/residents.c bench/residents.h bench/static_service.c bench/static_service.h \
	$(BENCH_SOURCES)
bench_lazy_vs_static_LDADD = libplutond.la libpluton.la $(CRYPTO_LIBS) $(EVENT_LIBS)
bench_lazy_vs_static_LDFLAGS = $(PROGRAM_LDFLAGS) -no-install

bench_tpm_roundtrip_CPPFLAGS = $(BENCH_CPPFLAGS) $(TCTILDR_CFLAGS)
bench_tpm_roundtrip_SOURCES = bench/tpm-roundtrip.c bench/memory.c bench/memory.h \
	bench/tpm_commands.c bench/tpm_commands.h \
	bench/tpm_link.c bench/tpm_link.h bench/tpm_peers.c bench/tpm_peers.h $(BENCH_SOURCES)
bench_tpm_roundtrip_LDADD = libpluton.la $(TCTILDR_LIBS)
bench_tpm_roundtrip_LDFLAGS = $(PROGRAM_LDFLAGS) -no-install

bench: plutond $(BENCHES)
	@set -e; for program in $(BENCHES); do echo "== $$program"; ./$$program; done
