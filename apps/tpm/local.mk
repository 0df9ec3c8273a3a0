# SPDX-License-Identifier: Apache-2.0
# The TPM 2.0 app. libtpmd is all of it but its main and the control thread: what its tests link.
noinst_LTLIBRARIES += libtpmd.la
libtpmd_la_CPPFLAGS = $(AM_CPPFLAGS) $(TPMS_CFLAGS) $(CRYPTO_CFLAGS) $(SYSTEMD_CFLAGS)
libtpmd_la_SOURCES = \
	apps/tpm/clients.c apps/tpm/clients.h \
	apps/tpm/commands.c apps/tpm/commands.h \
	apps/tpm/library.c apps/tpm/library.h \
	apps/tpm/messages.h \
	apps/tpm/objects.c apps/tpm/objects.h \
	apps/tpm/permanent.c apps/tpm/permanent.h \
	apps/tpm/resume.c apps/tpm/resume.h \
	apps/tpm/snapshot.c apps/tpm/snapshot.h \
	apps/tpm/store.c apps/tpm/store.h \
	apps/tpm/tpm.c apps/tpm/tpm.h \
	daemon/log.c daemon/log.h
libtpmd_la_LIBADD = librows.la librecord.la $(TPMS_LIBS) $(CRYPTO_LIBS) $(SYSTEMD_LIBS)

# It must start from the build tree under a cleaned environment, so it needs no libtool script.
pkglibexec_PROGRAMS += pluton-tpmd
pluton_tpmd_CPPFLAGS = $(libtpmd_la_CPPFLAGS)
pluton_tpmd_SOURCES = apps/tpm/main.c \
	apps/tpm/bus.c apps/tpm/bus.h apps/tpm/bus_state.h \
	apps/tpm/bus_channel.c \
	apps/tpm/bus_client.c \
	apps/tpm/bus_object.c \
	apps/tpm/control.c apps/tpm/control.h \
	apps/tpm/words.c apps/tpm/words.h \
	daemon/frontends/closer.c daemon/frontends/closer.h \
	daemon/frontends/dbus_answer.c daemon/frontends/dbus_answer.h \
	daemon/frontends/dbus_wire.c daemon/frontends/dbus_wire.h \
	daemon/harden.c daemon/harden.h daemon/sparse.h
pluton_tpmd_LDADD = libtpmd.la libclient.la
pluton_tpmd_LDFLAGS = $(PROGRAM_LDFLAGS)

appdefinitiondir = $(pkgdatadir)/app.d
dist_appdefinition_DATA = apps/tpm/tpm0.conf
APP_DEFINITIONS += app.d/tpm0.conf
app.d/tpm0.conf: apps/tpm/tpm0.conf
	$(AM_V_GEN)$(MKDIR_P) app.d && cp $(srcdir)/apps/tpm/tpm0.conf $@ && chmod go-w $@

dist_man_MANS += docs/man/org.pluton1.Tpm.5 docs/man/pluton-tpmd.8
