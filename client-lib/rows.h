/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of answers (structs of pluton/manager.h, nv.h, hwkey.h, app.h, tpm.h and trace.h) as
 * tables of fields: who answers encodes by them, libpluton decodes by them, and pluton-cli's JSON
 * and docs/protocol.md take their names from them. A row on the wire has the struct's offsets,
 * little-endian.
 *
 * The rule a newcomer would break first: a field that is added to a struct is added here too.
 */
#ifndef PLUTON_ROWS_H
#define PLUTON_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include <pluton/app.h>
#include <pluton/hwkey.h>
#include <pluton/manager.h>
#include <pluton/nv.h>
#include <pluton/tpm.h>
#include <pluton/trace.h>

enum row_type {
	ROW_U32 = 1,
	ROW_U64 = 2,
	ROW_TEXT = 3, /* zero-terminated, the rest zero */
};

struct row_field {
	const char *name; /* as in the struct, and in JSON */
	const char *doc;
	uint16_t offset; /* bytes from the row's start, here and on the wire */
	uint16_t size;	 /* bytes */
	enum row_type type;
};

struct row_layout {
	const char *name; /* "process" */
	size_t size;	  /* bytes of one row, here and on the wire */
	const struct row_field *fields;
	size_t field_count;
};

extern const struct row_layout row_status;
extern const struct row_layout row_capsule;
extern const struct row_layout row_engine;
extern const struct row_layout row_process;
extern const struct row_layout row_limit;
extern const struct row_layout row_handler;
extern const struct row_layout row_selftest;
extern const struct row_layout row_nv;
extern const struct row_layout row_hwkey;
extern const struct row_layout row_app;
extern const struct row_layout row_app_peer;
extern const struct row_layout row_tpm_info;
extern const struct row_layout row_command;
extern const struct row_layout row_trace;

/* From the struct at `row` to layout->size bytes at `wire`; a text's last byte becomes 0. */
void row_encode(const struct row_layout *layout, const void *row, void *wire);

/* From the wire to the struct. -PLUTON_EBADRVAL: a text has no end; *row is undefined then. */
int row_decode(const struct row_layout *layout, const void *wire, void *row);

/* The value of a ROW_U32 or ROW_U64 field of the struct at `row`; 0 for a text. */
uint64_t row_number(const struct row_field *field, const void *row);

/* The value of a ROW_TEXT field of the struct at `row`; NULL for a number. */
const char *row_text(const struct row_field *field, const void *row);

#endif
