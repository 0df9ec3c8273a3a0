# What daemon, apps and libpluton share: records, and names of errors and steps.
noinst_LTLIBRARIES += librecord.la
librecord_la_SOURCES = daemon/kernel/record.c daemon/kernel/record.h \
	daemon/kernel/ring.c daemon/kernel/ring.h \
	daemon/kernel/spin.c daemon/kernel/spin.h \
	daemon/kernel/steps.c daemon/kernel/steps.h \
	client-lib/error.c client-lib/pluton/error.h

# The kernel knows no service.
noinst_LTLIBRARIES += libkernel.la
libkernel_la_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
libkernel_la_SOURCES = \
	daemon/kernel/access.c daemon/kernel/access.h \
	daemon/kernel/arena.c daemon/kernel/arena.h \
	daemon/kernel/capsule.h \
	daemon/kernel/charge.c daemon/kernel/charge.h \
	daemon/kernel/connect.c \
	daemon/kernel/deferred.c daemon/kernel/deferred.h \
	daemon/kernel/engine.c \
	daemon/kernel/expiry.c daemon/kernel/expiry.h \
	daemon/kernel/grant.c daemon/kernel/grant.h \
	daemon/kernel/interrupt.c daemon/kernel/interrupt.h \
	daemon/kernel/kernel.c daemon/kernel/kernel.h \
	daemon/kernel/loop.c daemon/kernel/loop.h \
	daemon/kernel/operation.c daemon/kernel/operation.h \
	daemon/kernel/poison.h \
	daemon/kernel/pool.c daemon/kernel/pool.h \
	daemon/kernel/process.c daemon/kernel/process.h \
	daemon/kernel/request.c daemon/kernel/request.h \
	daemon/kernel/stream.c \
	daemon/kernel/trd104.c \
	daemon/kernel/upcall.c daemon/kernel/upcall.h \
	daemon/kernel/users.c daemon/kernel/users.h \
	daemon/kernel/window.c daemon/kernel/window.h

# Reading of ini files: the daemon's configuration, and what backends keep beside it.
noinst_LTLIBRARIES += libini.la
libini_la_CPPFLAGS = $(AM_CPPFLAGS) $(INIH_CFLAGS)
libini_la_SOURCES = daemon/ini_file.c daemon/ini_file.h daemon/ini_value.c daemon/ini_value.h
libini_la_LIBADD = $(INIH_LIBS)

# All of plutond but its main: what the tests link.
noinst_LTLIBRARIES += libplutond.la
libplutond_la_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(SYSTEMD_CFLAGS) $(INIH_CFLAGS)
libplutond_la_SOURCES = \
	daemon/apps.c daemon/apps.h \
	daemon/config.c daemon/config.h \
	daemon/config_access.c \
	daemon/config_keys.c daemon/config_keys.h \
	daemon/engines.c daemon/engines.h \
	daemon/frontends/channel.c daemon/frontends/channel.h \
	daemon/frontends/closer.c daemon/frontends/closer.h \
	daemon/frontends/dbus.c daemon/frontends/dbus.h \
	daemon/frontends/dbus_answer.c daemon/frontends/dbus_answer.h \
	daemon/frontends/dbus_call.c \
	daemon/frontends/dbus_client.c \
	daemon/frontends/dbus_introspect.c daemon/frontends/dbus_introspect.h \
	daemon/frontends/dbus_manager.c \
	daemon/frontends/dbus_request.c daemon/frontends/dbus_request.h \
	daemon/frontends/dbus_views.c \
	daemon/frontends/dbus_state.h \
	daemon/frontends/dbus_table.c daemon/frontends/dbus_table.h \
	daemon/frontends/dbus_wire.c daemon/frontends/dbus_wire.h \
	daemon/frontends/listen.c \
	daemon/frontends/passed.c daemon/frontends/passed.h \
	daemon/frontends/peer.c daemon/frontends/peer.h \
	daemon/frontends/rings.c daemon/frontends/rings.h \
	daemon/harden.c daemon/harden.h \
	daemon/lock.c daemon/lock.h \
	daemon/log.c daemon/log.h \
	daemon/machine.c daemon/machine.h \
	daemon/manager.c daemon/manager.h \
	daemon/rules.c daemon/rules.h \
	daemon/selftests.c daemon/selftests.h \
	daemon/trace.c daemon/trace.h
libplutond_la_LIBADD = libsvc.la libbackends.la libini.la libkernel.la libhil.la librows.la \
	librecord.la $(EVENT_LIBS) $(SYSTEMD_LIBS) $(CRYPTO_LIBS)

sbin_PROGRAMS += plutond
plutond_CPPFLAGS = $(libplutond_la_CPPFLAGS)
plutond_SOURCES = daemon/main.c daemon/sparse.h
plutond_LDADD = libplutond.la
plutond_LDFLAGS = $(PROGRAM_LDFLAGS)
