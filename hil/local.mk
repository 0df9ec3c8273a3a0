# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += libhil.la
libhil_la_SOURCES = \
	hil/aes.c hil/aes.h \
	hil/arbiter.c hil/arbiter.h \
	hil/checker.c hil/checker.h \
	hil/checker-aes.c \
	hil/checker-core.h \
	hil/checker-digest.c \
	hil/checker-rng.c \
	hil/checker-rules.c \
	hil/contract.c hil/contract.h \
	hil/digest.c hil/digest.h \
	hil/rng.c hil/rng.h
