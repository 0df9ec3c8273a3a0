noinst_LTLIBRARIES += libsvc.la
libsvc_la_SOURCES = \
	svc/aes.c \
	svc/alarm.c \
	svc/app.c \
	svc/capsule-half.h \
	svc/console.c \
	svc/digest.c \
	svc/kdf.c \
	svc/mac.c \
	svc/ecc.c \
	svc/hwkey.c \
	svc/nvmem.c \
	svc/rng.c \
	svc/rsa.c \
	svc/table.c svc/table.h
