# SPDX-License-Identifier: Apache-2.0
# pluton-cli, one file for each noun, and pluton-run.
bin_PROGRAMS += pluton-cli pluton-run
pluton_cli_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS) $(CRYPTO_CFLAGS)
pluton_cli_SOURCES = \
	cli/aes.c cli/aes.h \
	cli/aes_aead.c \
	cli/aes_gcm_stream.c \
	cli/aes_stream.c \
	cli/padding.c cli/padding.h \
	cli/alarm.c \
	cli/app.c \
	cli/app_rows.c cli/app_rows.h \
	cli/buffer.c cli/buffer.h \
	cli/capsules.c \
	cli/checksum.c cli/checksum.h \
	cli/ecc.c \
	cli/ecc_file.c cli/ecc_file.h \
	cli/engines.c \
	cli/failure.c cli/failure.h \
	cli/hash.c cli/hash.h \
	cli/hex.c cli/hex.h \
	cli/input.c cli/input.h \
	cli/json.c cli/json.h \
	cli/kdf.c \
	cli/key.c cli/key.h \
	cli/level.c cli/level.h \
	cli/limits.c \
	cli/log.c \
	cli/log_level.c \
	cli/hwkey.c \
	cli/mac.c \
	cli/main.c \
	cli/noun.h \
	cli/nv.c \
	cli/output.c cli/output.h \
	cli/progress.c cli/progress.h \
	cli/ps.c \
	cli/random.c \
	cli/rsa.c cli/rsa.h \
	cli/rsa_data.c \
	cli/rsa_file.c \
	cli/rsa_key.c \
	cli/selftest.c \
	cli/selftest_rows.c cli/selftest_rows.h \
	cli/session.c cli/session.h \
	cli/status.c \
	cli/stream.c cli/stream.h \
	cli/table.c cli/table.h \
	cli/text.c cli/text.h \
	cli/top.c \
	cli/tpm.c \
	cli/trace.c \
	cli/trace_file.c cli/trace_file.h \
	cli/trace_names.c cli/trace_names.h \
	cli/verbs.c cli/verbs.h \
	cli/view.c cli/view.h \
	cli/waiting.c cli/waiting.h \
	cli/words.c cli/words.h
pluton_cli_LDADD = libpluton.la librows.la $(JSON_LIBS) $(CRYPTO_LIBS)
pluton_cli_LDFLAGS = $(PROGRAM_LDFLAGS)

# Without libpluton: it must run where nothing is installed, to say where things are.
pluton_run_CPPFLAGS = $(AM_CPPFLAGS)
pluton_run_SOURCES = \
	cli/level.c cli/level.h \
	cli/run.c \
	cli/run_bus.c cli/run_bus.h \
	cli/run_daemon.c cli/run_daemon.h \
	cli/run_folder.c cli/run_folder.h \
	cli/run_rest.c cli/run_rest.h \
	cli/run_signals.c cli/run_signals.h
pluton_run_LDFLAGS = $(PROGRAM_LDFLAGS)

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = cli/pluton-cli.bash cli/pluton-run.bash
dist_man_MANS += docs/man/pluton-cli.1 docs/man/pluton-run.1
