/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-c escapes control characters, but passes on any other byte: text goes through text_utf8.
 */
#include "cli/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/text.h"

int json_print(struct json_object *object)
{
	const char *line = NULL;

	if (object)
		line = json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (line)
		puts(line);
	json_object_put(object);
	return line ? CLI_DONE : fail_system(ENOMEM, "no memory, for the answer, free some");
}

int json_print_member(const char *name, struct json_object *value)
{
	struct json_object *object = json_object_new_object();

	if (object)
		json_object_object_add(object, name, value);
	else
		json_object_put(value);
	return json_print(object);
}

struct json_object *json_text(const char *text)
{
	char *copy = strdup(text);
	struct json_object *string = NULL;

	text_utf8(copy);
	if (copy)
		string = json_object_new_string(copy);
	free(copy);
	return string;
}

void json_add_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name, json_text(text));
}

void json_add_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}
