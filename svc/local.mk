noinst_LTLIBRARIES += libsvc.la
libsvc_la_SOURCES = \
	svc/aes.c \
	svc/digest.c \
	svc/rng.c \
	svc/table.c svc/table.h
