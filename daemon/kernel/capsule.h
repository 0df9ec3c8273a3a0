/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a capsule may see of the kernel. A capsule is one .c file in svc/ that includes this header
 * and hil/ and nothing else of Pluton; every type it does not own is opaque here.
 *
 * The rule a newcomer would break first: a capsule has no memory of its own. What belongs to a
 * client lives in that client's grant or in the operation's state; payload is never held at all,
 * it goes from op_read to a pull and from a push to op_write.
 *
 * All of this runs on the loop's thread.
 */
#ifndef PLUTON_CAPSULE_H
#define PLUTON_CAPSULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/kernel/deferred.h"
#include "hil/contract.h"

#define CAPSULE_SLOTS_MAX 8u
#define CAPSULE_PARAMETERS_MAX 7u
#define CAPSULE_WORDS_MAX 2u /* as TRD104: raw calls and records can say the same */

struct operation; /* a command with its allow table, words and state */
struct driver;	  /* a capsule as it is registered: names its grants and HIL ports */

struct process_id {
	uint32_t index;
	uint32_t generation; /* an id of an earlier process at this index reaches nothing */
};

/* --- the command table ----------------------------------------------------------------------- */

struct enum_name {
	uint32_t value;
	const char *name; /* NULL ends a list */
};

/* The value's name; NULL: it is not in the list. */
const char *enum_name_of(const struct enum_name *names, uint32_t value);

struct command_word {
	const char *name;	       /* NULL: not used, must be 0 */
	const struct enum_name *names; /* only these values are accepted; NULL: any */
	const char *doc;
};

enum slot_access {
	SLOT_RO = 1, /* the process lends it for reading */
	SLOT_RW = 2, /* and writing */
};

/* One entry of the allow table; its index is the allow number. */
struct command_slot {
	const char *name; /* NULL: not used, must be absent */
	enum slot_access access;
	uint32_t min;  /* bytes, both inclusive */
	uint32_t max;  /* 0: no limit but the window's */
	bool optional; /* may be absent; if it is there, min and max hold */
	const char *doc;
};

struct command {
	uint32_t number;  /* from 1; 0 is "exists" and answered by the kernel */
	const char *name; /* the D-Bus method */
	const char *doc;
	/* what words 1 and 2 of the answer are; word 0 is always the status; NULL: not used, 0 */
	const char *answers[2];
	/* what the descriptor is that comes with a successful answer (op_connect); NULL: none */
	const char *gives;
	bool repeats; /* may answer many times (op_more) before it ends; not one that gives */
	bool waits;   /* for time to pass or for another process: it is no work for the loop */
	struct command_word words[CAPSULE_WORDS_MAX];
	struct command_slot slots[CAPSULE_SLOTS_MAX];
	/*
	 * Runs with the request already checked against this entry. 0: op_done is called exactly
	 * once, now or later. Negative: refused, op_done must not be called; op_refuse gives the
	 * refusal a sentence.
	 */
	int (*run)(struct operation *op);
};

struct capsule {
	const char *name;      /* "aes" */
	const char *interface; /* "Aes": org.pluton1.Aes on D-Bus */
	const char *doc;
	uint32_t driver;	     /* number, TRD104; Tock's own where Tock has one */
	size_t state_size;	     /* bytes of an operation's state, zeroed before run */
	size_t grant_size;	     /* bytes of one grant at most, zeroed when made; 0: has none */
	unsigned ports;		     /* how many HILs it is handed */
	enum hil_kind port_kinds[4]; /* and which */
	const struct command *commands;
	size_t command_count;
	/*
	 * Numbers that the configuration sets: the names of keys in the section that is called as
	 * the capsule (a size in bytes, a duration in ms); op_parameter gives the values in force.
	 * NULL ends the list.
	 */
	const char *parameters[CAPSULE_PARAMETERS_MAX + 1];
	/*
	 * The answer is not wanted any more (cancelled, or the process died). Lead the operation
	 * to op_done soon; with -PLUTON_ECANCEL, or as it ended. NULL where nothing can be done.
	 */
	void (*cancel)(struct operation *op);
};

/* --- the operation --------------------------------------------------------------------------- */

struct driver *op_driver(const struct operation *op);
struct process_id op_process(const struct operation *op);
uint32_t op_word(const struct operation *op, unsigned word);

/* The capsule's own state_size bytes in this operation, valid until op_done returns. */
void *op_state(struct operation *op);

/*
 * Bytes in a slot's range now; 0 for an absent or withdrawn one, and for a slot that the command
 * does not have. It may change between calls.
 */
size_t op_length(const struct operation *op, unsigned slot);

/*
 * Copies 1..len bytes from or to the slot at `offset`, as many as the range has, and returns how
 * many. -PLUTON_ESIZE: the range ends at or before offset (it may have been withdrawn).
 * -PLUTON_EINVAL: op_write on a read-only slot. -PLUTON_ECANCEL: the process is gone.
 * Every byte read is read once.
 */
ssize_t op_read(struct operation *op, unsigned slot, size_t offset, void *buf, size_t len);
ssize_t op_write(struct operation *op, unsigned slot, size_t offset, const void *buf, size_t len);

/* op_read and op_write of exactly len bytes at offset 0: 0 or a negative error, then nothing. */
int op_read_all(struct operation *op, unsigned slot, void *buf, size_t len);
int op_write_all(struct operation *op, unsigned slot, const void *buf, size_t len);

/*
 * The range's own memory from `offset` on, *ret_len bytes of it, valid until op_done even if the
 * range is withdrawn or the process dies. NULL: it cannot be lent (inline bytes, offset past the
 * end, a rw lend of an ro slot). The process can change it at any moment, unless op_sealed.
 */
const uint8_t *op_lend_ro(struct operation *op, unsigned slot, size_t offset, size_t *ret_len);
uint8_t *op_lend_rw(struct operation *op, unsigned slot, size_t offset, size_t *ret_len);

/* true: the slot's memory can never change again (its window is sealed against writing). */
bool op_sealed(const struct operation *op, unsigned slot);

/*
 * Ends the operation: status is 0 or a negative error; the two words go with status 0 only. The
 * operation and its state are gone when this returns.
 */
void op_done(struct operation *op, int status, uint32_t word1, uint32_t word2);

/*
 * op_done with an error and a sentence about it for the person behind the process. It is cut to
 * what the operation's own memory (its state and inline bytes) has room for.
 */
void op_fail(struct operation *op, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * For a command with `repeats`: sends (0, word1, word2) and keeps the operation. An upcall that was
 * not fetched yet is replaced, and counted as missed.
 */
void op_more(struct operation *op, uint32_t word1, uint32_t word2);

/* For answers that never were: adds to what the next one says was missed. */
void op_missed(struct operation *op, uint32_t count);

/* Returns `error` after noting a sentence for the person behind the process. Only from run. */
int op_refuse(struct operation *op, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Who is behind an operation, as the frontend knows it; nothing of it comes from a message. */
struct op_identity {
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	char command[16]; /* its name, for people; terminated */
	char app[32];	  /* the app that it is a part of; "": none */
	/* For the app capsule: it was not allowed to this app, but to take its own channels. */
	bool accepts_only;
};
void op_identity(const struct operation *op, struct op_identity *ret);

/*
 * Whose things of this operation's are that outlive it: "app-tpm0", or else "uid-1000". An app's
 * are its own whoever it runs as, and not those of other programs of that user. Terminated, the
 * rest zero; no program can have another name, and no other program that.
 */
#define OP_OWNER_SIZE 48u
void op_owner_name(const struct operation *op, char ret_name[OP_OWNER_SIZE]);

/*
 * true: root or the daemon's own user, who may do what changes things for everybody. An app, and
 * what it forked, never is: it only happens to run as one of them.
 */
bool op_administers(const struct operation *op);

/* The value in force of the capsule's `index`-th parameter; it may be another at every call. */
uint64_t op_parameter(const struct operation *op, unsigned index);

/*
 * Calls the capsule's cancel once `after_ms` have passed, within about a second, unless the
 * operation is done or cancelled by then. The second call for an operation replaces the first; 0
 * takes it back. To the process this is no CANCEL, for it did not ask for one: where the capsule
 * then ends the operation with -PLUTON_ECANCEL, the answer says -PLUTON_EBUSY (did not come in
 * time, try again). Without a cancel in the capsule nothing happens.
 */
void op_expire(struct operation *op, uint32_t after_ms);

/* In cancel and from then on: true if that was for op_expire's sake. */
bool op_expired(const struct operation *op);

/*
 * Makes a connected pair of SOCK_SEQPACKET sockets; each operation's answer, if it is a success,
 * takes one end along. Both run, and their commands have `gives`. An end that is not taken along,
 * because its operation fails or its process dies, is closed: the other end then shows a hang-up.
 * -PLUTON_EBUSY: no descriptors left. -PLUTON_EINVAL: not two such operations, or one has an end.
 */
int op_connect(struct operation *a, struct operation *b);

/* The HIL port the driver was handed as its `index`-th. */
const struct hil_port *op_port(const struct operation *op, unsigned index);

/*
 * Asks the engine's arbiter for a turn. `granted` runs with the operation when it comes; then
 * start the engine, and call op_engine_release when it is done (op_done releases too).
 */
int op_engine_request(struct operation *op, struct hil_engine *engine,
		      void (*granted)(struct operation *op));

/* The same for work of seconds (rsa_is_slow and its like), which has turns of its own. */
int op_engine_request_slow(struct operation *op, struct hil_engine *engine,
			   void (*granted)(struct operation *op));
void op_engine_release(struct operation *op);

/* true: still waiting for the engine; the request is taken back and granted will not come. */
bool op_engine_withdraw(struct operation *op);

/* Who is charged for what an engine keeps. */
struct hil_owner *op_owner(struct operation *op);

/* --- grants ---------------------------------------------------------------------------------- */

/* The grant of `size` bytes; the pointer lives inside the function and must not leave it. */
typedef int (*grant_fn)(void *grant, void *arg);

/*
 * Runs fn on the grant that `driver` has in `process` under `instance` (0.. ), and returns what
 * fn returned. Made, zeroed, on first use if `create`.
 * -PLUTON_ENOMEM: the process has no room for it. -PLUTON_ERESERVE: there is none and !create.
 * -PLUTON_EALREADY: it is entered right now (counted and logged). -PLUTON_ECANCEL: no such process.
 */
int grant_enter(struct driver *driver, struct process_id process, uint32_t instance, bool create,
		grant_fn fn, void *arg);

/*
 * Makes a grant of `size` bytes under the lowest free instance and runs fn on it; *ret_instance
 * says which. -PLUTON_EBUSY: the process has `grants_per_capsule` of them. -PLUTON_ESIZE: more than
 * the capsule's grant_size. Else as grant_enter.
 */
int grant_new(struct driver *driver, struct process_id process, size_t size, uint32_t *ret_instance,
	      grant_fn fn, void *arg);

/* Wipes and frees it; does nothing if there is none. -PLUTON_EALREADY: it is entered. */
int grant_free(struct driver *driver, struct process_id process, uint32_t instance);

/* Enters every grant that this driver has in any live process; stops at fn's first non-zero. */
int grant_each(struct driver *driver, grant_fn fn, void *arg);

/* --- streams --------------------------------------------------------------------------------- */

#define STREAM_ABOUT_MAX 40u

/*
 * A message in pieces. Between the operations of a stream no engine is held: the state that the
 * engine exported lies here, in the process's grant of that instance, with what the capsule must
 * know about every piece. A capsule with streams has STREAM_SIZE of its HIL's greatest state for
 * grant_size; all grants are streams then, each as large as what lies in it. Members are the
 * kernel's.
 */
struct stream {
	uint16_t state_size;
	uint8_t about_size;
	bool busy;	 /* an operation has it */
	uint8_t bytes[]; /* the capsule's own; behind it the engine's state, as secret as a key */
};
#define STREAM_SIZE(state_max) (sizeof(struct stream) + STREAM_ABOUT_MAX + (state_max))

/* In the table: the word that names an open one. */
#define STREAM_WORD                                                                                \
	{                                                                                          \
		"stream", NULL, "as Begin returned it"                                             \
	}

/*
 * Opens a stream for op with `size` bytes about it, at most STREAM_ABOUT_MAX, and room for a state
 * of `state_size`. op has it until park or close. Refusals, with a sentence: -PLUTON_EBUSY: the
 * process has `grants_per_capsule` of them. -PLUTON_ENOMEM: no room for it.
 */
int stream_open(struct operation *op, const void *about, size_t size, size_t state_size,
		uint32_t *ret_stream);

/*
 * Takes an open stream for op, and what it was opened with. Refusals, with a sentence:
 * -PLUTON_ERESERVE: it is not open. -PLUTON_EBUSY: another operation has it.
 */
int stream_claim(struct operation *op, uint32_t stream, void *ret_about, size_t size);

/*
 * op_engine_request for the next piece of a stream that op has. `checked` is what the capsule
 * thinks of the request, 0 or a refusal. Refused in the one way or the other, the stream waits on.
 */
int stream_engine_request(struct operation *op, uint32_t stream, int checked,
			  struct hil_engine *engine, void (*granted)(struct operation *op));

/* op is done with a stream that it has: it waits for the next, or is wiped and gone. */
void stream_park(struct operation *op, uint32_t stream);
void stream_close(struct operation *op, uint32_t stream);

/* A command that claims a stream, closes it, and is done. Refusals as stream_claim. */
int stream_abort(struct operation *op, uint32_t stream);

/* The one or the other after an engine ended a start of this phase; nothing for a one-shot. */
void stream_leave(struct operation *op, uint32_t stream, enum hil_phase phase, int result);

/* The first `size` bytes of exported state, as many as the grant has. Errors as grant_enter. */
int stream_load(struct operation *op, uint32_t stream, uint8_t *ret_state, size_t size);
int stream_store(struct operation *op, uint32_t stream, const uint8_t *state, size_t size);

#endif
