/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the tables of docs/protocol.md from the command tables and row layouts themselves, so that
 * the document cannot say anything else than the daemon does. `make update-docs` puts them in.
 */
#include <stdio.h>

#include "client-lib/rows.h"
#include "daemon/manager.h"
#include "svc/table.h"

static void print_words(const struct command *command)
{
	for (unsigned i = 0; i < CAPSULE_WORDS_MAX; i++) {
		const struct command_word *word = &command->words[i];

		if (!word->name)
			continue;
		printf("| word %u | `%s` | %s", i, word->name, word->doc);
		for (const struct enum_name *n = word->names; n && n->name; n++)
			printf("%s%u = %s", n == word->names ? (*word->doc ? ": " : "") : ", ",
			       n->value, n->name);
		printf(" |\n");
	}
}

static void print_size(const struct command_slot *slot)
{
	if (slot->min == slot->max)
		printf("%u bytes", slot->min);
	else if (slot->max)
		printf("%u to %u bytes", slot->min, slot->max);
	else
		printf("%u or more bytes", slot->min);
}

static void print_slots(const struct command *command)
{
	for (unsigned i = 0; i < CAPSULE_SLOTS_MAX; i++) {
		const struct command_slot *slot = &command->slots[i];

		if (!slot->name)
			continue;
		printf("| slot %u, %s%s | `%s` | ", i, slot->access == SLOT_RW ? "rw" : "ro",
		       slot->optional ? ", optional" : "", slot->name);
		print_size(slot);
		printf("; %s |\n", slot->doc);
	}
}

static void print_answers(const struct command *command)
{
	for (unsigned i = 0; i < 2; i++) {
		if (command->answers[i])
			printf("| answer word %u | | %s |\n", i + 1, command->answers[i]);
	}
	if (command->gives)
		printf("| answer's descriptor | | %s |\n", command->gives);
	if (command->repeats)
		printf("| answers | | may be many, with MORE, until it is cancelled |\n");
}

static void print_command(const struct command *command)
{
	printf("\n**%u %s**: %s.\n\n", command->number, command->name, command->doc);
	printf("| where | name | what |\n|---|---|---|\n");
	print_words(command);
	print_slots(command);
	print_answers(command);
}

static void print_capsule(const struct capsule *capsule)
{
	printf("\n### Driver 0x%x: %s\n\n%s On D-Bus: `org.pluton1.%s`.\n", capsule->driver,
	       capsule->name, capsule->doc, capsule->interface);
	for (size_t i = 0; i < capsule->command_count; i++)
		print_command(&capsule->commands[i]);
}

static void print_row(const struct row_layout *layout)
{
	static const char *const types[] = {
		[ROW_U32] = "u32", [ROW_U64] = "u64", [ROW_TEXT] = "text"};

	printf("\n### Row: %s (%zu bytes)\n\n| offset | size | type | name | what |\n"
	       "|---|---|---|---|---|\n",
	       layout->name, layout->size);
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct row_field *field = &layout->fields[i];

		printf("| %u | %u | %s | `%s` | %s |\n", field->offset, field->size,
		       types[field->type], field->name, field->doc);
	}
}

int main(void)
{
	static const struct row_layout *const rows[] = {
		&row_status,   &row_capsule,  &row_engine, &row_process, &row_limit,
		&row_handler,  &row_selftest, &row_nv,	   &row_hwkey,	 &row_app,
		&row_app_peer, &row_command,  &row_trace,
	};

	for (const struct capsule *const *c = capsule_table; *c; c++)
		print_capsule(*c);
	print_capsule(&manager_capsule);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_row(rows[i]);
	return 0;
}
