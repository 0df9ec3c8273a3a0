plutonincludedir = $(includedir)/pluton
plutoninclude_HEADERS = \
	client-lib/pluton/aes.h \
	client-lib/pluton/aes_gcm_stream.h \
	client-lib/pluton/alarm.h \
	client-lib/pluton/app.h \
	client-lib/pluton/console.h \
	client-lib/pluton/digest.h \
	client-lib/pluton/ecc.h \
	client-lib/pluton/error.h \
	client-lib/pluton/hwkey.h \
	client-lib/pluton/kdf.h \
	client-lib/pluton/mac.h \
	client-lib/pluton/manager.h \
	client-lib/pluton/nv.h \
	client-lib/pluton/pluton.h \
	client-lib/pluton/random.h \
	client-lib/pluton/rsa.h \
	client-lib/pluton/tpm.h \
	client-lib/pluton/trace.h

# All of libpluton, for itself and for the tests that look inside.
noinst_LTLIBRARIES += libclient.la
libclient_la_SOURCES = \
	client-lib/aes.c client-lib/aes_request.h \
	client-lib/aes_aead.c \
	client-lib/aes_blocks.c \
	client-lib/aes_ctr.c \
	client-lib/aes_gcm_stream.c \
	client-lib/alarm.c \
	client-lib/app.c client-lib/app.h \
	client-lib/connection.c client-lib/connection.h \
	client-lib/console.c \
	client-lib/digest.c \
	client-lib/ecc.c \
	client-lib/kdf.c \
	client-lib/list.c client-lib/list.h \
	client-lib/loop.c client-lib/loop.h \
	client-lib/hwkey.c \
	client-lib/mac.c \
	client-lib/manager.c \
	client-lib/memory.c client-lib/memory.h \
	client-lib/nv.c \
	client-lib/open.c \
	client-lib/operation.c client-lib/operation.h \
	client-lib/random.c \
	client-lib/reconnect.c client-lib/reconnect.h \
	client-lib/rings.c client-lib/rings.h \
	client-lib/rsa.c \
	client-lib/status.c client-lib/status.h \
	client-lib/stream.c client-lib/stream.h \
	client-lib/tpm.c client-lib/tpm_channel.h \
	client-lib/tpm_link.c client-lib/tpm_link.h \
	client-lib/tpm_watch.c client-lib/tpm_watch.h \
	client-lib/trace.c \
	client-lib/trd104.c client-lib/trd104.h
libclient_la_LIBADD = librows.la librecord.la

lib_LTLIBRARIES += libpluton.la
libpluton_la_SOURCES =
libpluton_la_LIBADD = libclient.la
libpluton_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(LIBPLUTON_VERSION) \
	-Wl,--version-script=$(srcdir)/client-lib/libpluton.map $(NO_UNDEFINED)
EXTRA_libpluton_la_DEPENDENCIES = client-lib/libpluton.map
EXTRA_DIST += client-lib/libpluton.map
pkgconfig_DATA = client-lib/pluton.pc

dist_man_MANS += \
	docs/man/libpluton.3 \
	docs/man/pluton_aes.3 \
	docs/man/pluton_aes_gcm_stream.3 \
	docs/man/pluton_alarm.3 \
	docs/man/pluton_app.3 \
	docs/man/pluton_command.3 \
	docs/man/pluton_console.3 \
	docs/man/pluton_digest.3 \
	docs/man/pluton_kdf.3 \
	docs/man/pluton_mac.3 \
	docs/man/pluton_ecc.3 \
	docs/man/pluton_hwkey.3 \
	docs/man/pluton_manager.3 \
	docs/man/pluton_nv.3 \
	docs/man/pluton_open.3 \
	docs/man/pluton_random.3 \
	docs/man/pluton_rings.3 \
	docs/man/pluton_rsa.3 \
	docs/man/pluton_trace.3

include $(srcdir)/client-lib/tcti/local.mk

# Built by users with pkg-config alone, and so by ./check.
examplesdir = $(docdir)/examples
dist_examples_DATA = \
	client-lib/examples/encrypt_many.c \
	client-lib/examples/hash_file.c \
	client-lib/examples/keep_secret.c

# The rows of the manager's answers: daemon, libpluton and pluton-cli.
noinst_LTLIBRARIES += librows.la
librows_la_SOURCES = client-lib/rows.c client-lib/rows.h
