/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing one JSON object on one line (json-c).
 */
#ifndef PLUTON_CLI_JSON_H
#define PLUTON_CLI_JSON_H

#include <json-c/json.h>
#include <stdint.h>

/* Prints it and puts it. NULL is "no memory". Returns a status. */
int json_print(struct json_object *object);

/* The same, with `value` as the one member `name` of an object. */
int json_print_member(const char *name, struct json_object *value);

/* A string from text that need not be UTF-8: what is not becomes '?'. */
struct json_object *json_text(const char *text);

/* Puts one member into `object`. */
void json_add_text(struct json_object *object, const char *name, const char *text);
void json_add_number(struct json_object *object, const char *name, uint64_t number);

#endif
