# SPDX-License-Identifier: Apache-2.0
# libFuzzer targets, built with --enable-fuzzing and CC=clang. `./check --deep` runs each a minute, on
# the corpus that tests/fuzz/seeds.py begins and the fuzzer goes on with.
FUZZERS = tests/fuzz/fuzz_channel tests/fuzz/fuzz_chip_link tests/fuzz/fuzz_config tests/fuzz/fuzz_record
if FUZZING
noinst_PROGRAMS += $(FUZZERS)
endif
LIBFUZZER = -fsanitize=fuzzer
tests_fuzz_fuzz_channel_SOURCES = tests/fuzz/fuzz_channel.c tests/rig.c tests/rig.h
tests_fuzz_fuzz_channel_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
tests_fuzz_fuzz_channel_LDADD = libplutond.la
tests_fuzz_fuzz_channel_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_chip_link_LDADD = libbackends.la libchip-firmware.la
tests_fuzz_fuzz_chip_link_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_config_LDADD = libplutond.la
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
tests_fuzz_fuzz_record_LDADD = librecord.la
tests_fuzz_fuzz_record_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
EXTRA_DIST += tests/fuzz/seeds.py
