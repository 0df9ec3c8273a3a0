# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets, built with --enable-fuzzing and CC=clang. `./check --deep` runs each a minute, on
# the corpus that tests/fuzz/seeds.py begins and the fuzzer goes on with. And the same targets as
# programs without a fuzzer, which tests/fuzz/test_seeds.py gives that corpus in every build.
FUZZERS = tests/fuzz/fuzz_channel tests/fuzz/fuzz_chip_link tests/fuzz/fuzz_config tests/fuzz/fuzz_record \
	tests/fuzz/fuzz_ring
FUZZ_REPLAYS = tests/fuzz/replay_channel tests/fuzz/replay_chip_link tests/fuzz/replay_config \
	tests/fuzz/replay_record tests/fuzz/replay_ring
if FUZZING
noinst_PROGRAMS += $(FUZZERS)
endif
check_PROGRAMS += $(FUZZ_REPLAYS)
TESTS += tests/fuzz/test_seeds.py
EXTRA_DIST += tests/fuzz/seeds.py tests/fuzz/test_seeds.py

LIBFUZZER = -fsanitize=fuzzer
FUZZ_DAEMON_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
FUZZ_DAEMON = tests/fuzz/fuzz_daemon.c tests/fuzz/fuzz_daemon.h tests/rig.c tests/rig.h \
	tests/rig_rings.c tests/rig_rings.h
FUZZ_CHIP_LIBS = libbackends.la libchip-firmware.la

tests_fuzz_fuzz_channel_SOURCES = tests/fuzz/fuzz_channel.c $(FUZZ_DAEMON)
tests_fuzz_fuzz_channel_CPPFLAGS = $(FUZZ_DAEMON_CPPFLAGS)
tests_fuzz_fuzz_channel_LDADD = libplutond.la
tests_fuzz_fuzz_channel_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_chip_link_LDADD = $(FUZZ_CHIP_LIBS)
tests_fuzz_fuzz_chip_link_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_config_LDADD = libplutond.la
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_record_LDADD = librecord.la
tests_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_ring_SOURCES = tests/fuzz/fuzz_ring.c $(FUZZ_DAEMON)
tests_fuzz_fuzz_ring_CPPFLAGS = $(FUZZ_DAEMON_CPPFLAGS)
tests_fuzz_fuzz_ring_LDADD = libplutond.la
tests_fuzz_fuzz_ring_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)

tests_fuzz_replay_channel_SOURCES = $(tests_fuzz_fuzz_channel_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_channel_CPPFLAGS = $(FUZZ_DAEMON_CPPFLAGS)
tests_fuzz_replay_channel_LDADD = libplutond.la
tests_fuzz_replay_chip_link_SOURCES = tests/fuzz/fuzz_chip_link.c tests/fuzz/replay.c
tests_fuzz_replay_chip_link_LDADD = $(FUZZ_CHIP_LIBS)
tests_fuzz_replay_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/replay.c
tests_fuzz_replay_config_LDADD = libplutond.la
tests_fuzz_replay_record_SOURCES = tests/fuzz/fuzz_record.c tests/fuzz/replay.c
tests_fuzz_replay_record_LDADD = librecord.la
tests_fuzz_replay_ring_SOURCES = $(tests_fuzz_fuzz_ring_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_ring_CPPFLAGS = $(FUZZ_DAEMON_CPPFLAGS)
tests_fuzz_replay_ring_LDADD = libplutond.la
