noinst_LTLIBRARIES += libbackends.la
libbackends_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(NETTLE_CFLAGS) $(EVENT_CFLAGS) \
	$(SYSTEMD_CFLAGS)
libbackends_la_SOURCES = \
	backends/table.c backends/table.h \
	backends/apps/definition.c backends/apps/definition.h \
	backends/apps/folders.c backends/apps/folders.h \
	backends/apps/place.c backends/apps/place.h \
	backends/apps/roster.c backends/apps/roster.h \
	backends/chip/backoff.c backends/chip/backoff.h \
	backends/chip/chip.c backends/chip/chip.h \
	backends/chip/chip_aes.c \
	backends/chip/chip_digest.c \
	backends/chip/conversation.c backends/chip/conversation.h \
	backends/chip/link.c backends/chip/link.h \
	backends/chip/news.c backends/chip/news.h \
	backends/chip/transport.c backends/chip/transport.h \
	backends/clock/clock.c backends/clock/clock.h \
	backends/fork/app.c backends/fork/app.h \
	backends/fork/fdstore.c backends/fork/fdstore.h \
	backends/fork/fork.c backends/fork/fork.h \
	backends/fork/host.c backends/fork/host.h \
	backends/fork/launch.c backends/fork/launch.h \
	backends/fork/notify.c backends/fork/notify.h \
	backends/fork/program.c backends/fork/program.h \
	backends/fork/runfile.c backends/fork/runfile.h \
	backends/fork/spawn.c backends/fork/spawn.h \
	backends/fuses/fuses.c backends/fuses/fuses.h \
	backends/files/area.c backends/files/area.h \
	backends/files/boot_locks.c backends/files/boot_locks.h \
	backends/files/change.c backends/files/change.h \
	backends/files/disk.c backends/files/disk.h \
	backends/files/engine.c backends/files/engine.h \
	backends/files/files.c backends/files/files.h \
	backends/files/job.c backends/files/job.h \
	backends/files/journal.c backends/files/journal.h \
	backends/files/place.c backends/files/place.h \
	backends/files/quota.c backends/files/quota.h \
	backends/files/repair.c backends/files/repair.h \
	backends/journal/allowance.c backends/journal/allowance.h \
	backends/journal/escape.c backends/journal/escape.h \
	backends/journal/journal.c backends/journal/journal.h \
	backends/openssl/aead_decrypt.c \
	backends/openssl/aes.c \
	backends/openssl/aes_cipher.c \
	backends/openssl/aes_evp.c \
	backends/openssl/aes_data.c \
	backends/openssl/aes_operation.h \
	backends/openssl/aes_state.c \
	backends/openssl/ccm.c \
	backends/openssl/cmac.c backends/openssl/cmac.h \
	backends/openssl/cmac_engine.c \
	backends/openssl/ctr_position.c backends/openssl/ctr_position.h \
	backends/openssl/curve.c backends/openssl/curve.h \
	backends/openssl/digest.c \
	backends/openssl/ecc.c \
	backends/openssl/engines.h \
	backends/openssl/failure.c backends/openssl/failure.h \
	backends/openssl/gcm_stream.c backends/openssl/gcm_stream.h \
	backends/openssl/hash.c backends/openssl/hash.h \
	backends/openssl/hash_family.h \
	backends/openssl/hash_sha2.c \
	backends/openssl/hash_sha3.c \
	backends/openssl/hmac.c backends/openssl/hmac.h \
	backends/openssl/hwkey.c \
	backends/openssl/hwkey_load.c backends/openssl/hwkey_load.h \
	backends/openssl/hwkey_record.c backends/openssl/hwkey_record.h \
	backends/openssl/hwkey_store.c backends/openssl/hwkey_store.h \
	backends/openssl/hwkey_trial.c backends/openssl/hwkey_trial.h \
	backends/openssl/intake.c backends/openssl/intake.h \
	backends/openssl/kdf.c \
	backends/openssl/mac.c \
	backends/openssl/memory.c backends/openssl/memory.h \
	backends/openssl/mac_operation.h \
	backends/openssl/nonce.c backends/openssl/nonce.h \
	backends/openssl/openssl.c backends/openssl/openssl.h \
	backends/openssl/rng.c \
	backends/openssl/rsa.c \
	backends/openssl/rsa_job.c backends/openssl/rsa_job.h \
	backends/openssl/rsa_key.c backends/openssl/rsa_key.h \
	backends/openssl/rsa_run.c backends/openssl/rsa_run.h \
	backends/openssl/rsa_unpad.c backends/openssl/rsa_unpad.h \
	backends/openssl/scratch.c backends/openssl/scratch.h \
	backends/openssl/task.c backends/openssl/task.h \
	backends/openssl/vault.c backends/openssl/vault.h \
	backends/stacked/engines.h \
	backends/stacked/kdf_on_mac.c \
	backends/stacked/mac_on_digest.c \
	backends/stacked/stacked.c backends/stacked/stacked.h \
	backends/stacked/stand.c backends/stacked/stand.h \
	backends/stacked/turn.c backends/stacked/turn.h \
	backends/systemd/activation.c backends/systemd/activation.h \
	backends/systemd/service.c backends/systemd/service.h \
	backends/systemd/systemd.c backends/systemd/systemd.h \
	backends/worker.c backends/worker.h
libbackends_la_LIBADD = libchip-frame.la libini.la $(EVENT_LIBS) $(NETTLE_LIBS) $(SYSTEMD_LIBS)

# The native link's other end. Its core is freestanding C: it is compiled here as it would be for a
# board, without a hosted library to lean on.
noinst_LTLIBRARIES += libchip-frame.la libchip-firmware.la
libchip_frame_la_SOURCES = backends/chip/frame.c backends/chip/frame.h backends/chip/wire.h
libchip_frame_la_CFLAGS = $(AM_CFLAGS) -ffreestanding
libchip_firmware_la_SOURCES = \
	backends/chip/firmware/aes.c backends/chip/firmware/aes.h \
	backends/chip/firmware/aes_unit.c \
	backends/chip/firmware/digest_unit.c \
	backends/chip/firmware/firmware.c backends/chip/firmware/firmware.h \
	backends/chip/firmware/sha256.c backends/chip/firmware/sha256.h \
	backends/chip/firmware/units.h \
	backends/chip/firmware/wipe.c backends/chip/firmware/wipe.h
libchip_firmware_la_CFLAGS = $(AM_CFLAGS) -ffreestanding
libchip_firmware_la_LIBADD = libchip-frame.la

# A chip for those who have none: the firmware on a pseudo-terminal.
sbin_PROGRAMS += pluton-chipd
pluton_chipd_SOURCES = \
	backends/chip/firmware/faults.c backends/chip/firmware/faults.h \
	backends/chip/firmware/main.c \
	backends/chip/firmware/pty.c backends/chip/firmware/pty.h
pluton_chipd_LDADD = libchip-firmware.la
pluton_chipd_LDFLAGS = $(PROGRAM_LDFLAGS)
dist_man_MANS += docs/man/pluton-chipd.8
