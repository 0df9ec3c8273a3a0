noinst_LTLIBRARIES += libbackends.la
libbackends_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
libbackends_la_SOURCES = \
	backends/table.c backends/table.h \
	backends/openssl/aes.c \
	backends/openssl/aes_data.c \
	backends/openssl/aes_operation.h \
	backends/openssl/aes_state.c \
	backends/openssl/ctr_position.c backends/openssl/ctr_position.h \
	backends/openssl/digest.c \
	backends/openssl/engines.h \
	backends/openssl/gcm_decrypt.c \
	backends/openssl/gcm_stream.c backends/openssl/gcm_stream.h \
	backends/openssl/hash.c backends/openssl/hash.h \
	backends/openssl/openssl.c backends/openssl/openssl.h \
	backends/openssl/rng.c \
	backends/openssl/scratch.c backends/openssl/scratch.h \
	backends/openssl/task.c backends/openssl/task.h \
	backends/openssl/worker.c backends/openssl/worker.h
