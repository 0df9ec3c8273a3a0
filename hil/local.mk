# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += libhil.la
libhil_la_SOURCES = \
	hil/aes.c hil/aes.h \
	hil/alarm.h \
	hil/app.c hil/app.h \
	hil/arbiter.c hil/arbiter.h \
	hil/checker.c hil/checker.h \
	hil/checker-aes.c \
	hil/checker-alarm.c \
	hil/checker-app.c \
	hil/checker-console.c \
	hil/checker-core.h \
	hil/checker-digest.c \
	hil/checker-half.h \
	hil/checker-kdf.c \
	hil/checker-mac.c \
	hil/checker-ecc.c \
	hil/checker-hwkey.c \
	hil/checker-nv.c \
	hil/checker-rng.c \
	hil/checker-rsa.c \
	hil/checker-rules.c \
	hil/console.c hil/console.h \
	hil/contract.c hil/contract.h \
	hil/digest.c hil/digest.h \
	hil/kdf.c hil/kdf.h \
	hil/mac.c hil/mac.h \
	hil/ecc.c hil/ecc.h \
	hil/fuses.h \
	hil/hwkey.c hil/hwkey.h hil/hwkey-slot.h \
	hil/nv.c hil/nv.h \
	hil/rng.c hil/rng.h \
	hil/rng-health.c hil/rng-health.h \
	hil/rsa.c hil/rsa.h \
	hil/known-aes.h hil/known-digest.h hil/known-ecc.h hil/known-hwkey.h hil/known-kdf.h \
	hil/known-mac.h hil/known-rsa.h \
	hil/selftest.c hil/selftest.h \
	hil/selftest-aes.c \
	hil/selftest-core.h \
	hil/selftest-digest.c \
	hil/selftest-ecc.c \
	hil/selftest-half.h \
	hil/selftest-hwkey.c \
	hil/selftest-kdf.c \
	hil/selftest-mac.c \
	hil/selftest-rng.c \
	hil/selftest-rsa.c
libhil_la_LIBADD = librows.la
