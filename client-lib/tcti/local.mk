# SPDX-License-Identifier: Apache-2.0
# The TCTI: what tpm2-tss and all on it load to reach Pluton's TPM. Its soname is what the loader of
# tpm2-tss makes of the name "pluton", so -version-info keeps current minus age at 0.
lib_LTLIBRARIES += libtss2-tcti-pluton.la
libtss2_tcti_pluton_la_SOURCES = client-lib/tcti/tcti-pluton.c
libtss2_tcti_pluton_la_LIBADD = libpluton.la
libtss2_tcti_pluton_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/client-lib/tcti/tcti-pluton.map $(NO_UNDEFINED)
EXTRA_libtss2_tcti_pluton_la_DEPENDENCIES = client-lib/tcti/tcti-pluton.map
EXTRA_DIST += client-lib/tcti/tcti-pluton.map
tctiincludedir = $(includedir)/tss2
tctiinclude_HEADERS = client-lib/tcti/tss2_tcti_pluton.h
pkgconfig_DATA += client-lib/tcti/tss2-tcti-pluton.pc
dist_man_MANS += docs/man/pluton_tpm.3 docs/man/tss2-tcti-pluton.3 docs/man/tss2-tcti-pluton.7
