/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for non-volatile memory: named areas, per owner, that outlive the daemon. done(0) of
 * anything that changes an area means that the change survives a power cut; done with an error
 * means that nothing was changed.
 *
 * Contract: hil/contract.h. Callbacks, by action:
 *   NV_DEFINE, NV_DELETE, NV_LOCK, NV_STATUS   done
 *   NV_READ, NV_LIST                           push_output of as much as there is, then done
 *   NV_WRITE, NV_PUT, NV_COMMIT                pull_input until request.length bytes are in, done
 */
#ifndef PLUTON_HIL_NV_H
#define PLUTON_HIL_NV_H

#include "hil/contract.h"

#define NV_NAME_MAX 64u	   /* bytes of a name: letters, digits, '.', '_', '-'; not '.' first */
#define NV_OWNER_MAX 40u   /* bytes of an owner, of the same letters: "uid-1000", "app-tpm0" */
#define NV_CHANGES_MAX 16u /* areas that one commit changes */

enum nv_action {
	NV_DEFINE = 1, /* makes an area of request.size bytes capacity, empty */
	NV_DELETE,
	NV_READ,  /* request.length bytes from request.offset on, less at the end of the data */
	NV_WRITE, /* request.length bytes at request.offset; a gap before it reads as zeros */
	/*
	 * The area's data is these request.length bytes now. One that is missing is made; one that
	 * is too small grows, as far as the quota goes.
	 */
	NV_PUT,
	NV_COMMIT, /* all changes of a list (below), or none */
	NV_LOCK,
	NV_STATUS, /* done's result carries it */
	NV_LIST,   /* rows (nv_status_encode) of areas from the request.offset-th on, by name */
};

enum nv_lock {
	NV_LOCK_WRITE_BOOT = 1, /* no writing, putting, deleting until the daemon starts again */
	NV_LOCK_WRITE = 2,	/* never again; deleting neither */
	NV_LOCK_READ_BOOT = 4,	/* no reading until the daemon starts again */
};

/* In the locks of a row of NV_LIST: the area is damaged, and nothing but its name is known. */
#define NV_DAMAGED 0x100u

/* An area as it is. */
struct nv_status {
	char name[NV_NAME_MAX + 8]; /* terminated, rest zero */
	uint32_t capacity;	    /* bytes */
	uint32_t length;	    /* bytes of data, up to the capacity */
	uint32_t locks;		    /* enum nv_lock, or-ed */
	uint32_t generation;	    /* changes with every change of the data */
};

/* What one owner may have; checked by the engine at whatever adds. */
struct nv_quota {
	uint32_t areas;
	uint32_t area_bytes;  /* capacity of one area */
	uint64_t total_bytes; /* sum of all capacities */
};

struct nv_request {
	enum nv_action action;
	char owner[NV_OWNER_MAX + 8];
	char name[NV_NAME_MAX + 8];
	uint32_t offset; /* bytes; NV_LIST: areas */
	size_t length;	 /* bytes to be pulled, or room for what is pushed */
	uint32_t size;	 /* NV_DEFINE: capacity in bytes */
	enum nv_lock lock;
	struct nv_quota quota;
};

/*
 * The input of NV_COMMIT: changes, one after the other, each a header of 8 bytes, little-endian,
 * then the name, then the data:
 *   0 u8 kind (nv_change_kind)  1 u8 name length  2 u16 0  4 u32 data length (0 for a deletion)
 * One name occurs once.
 */
enum nv_change_kind {
	NV_CHANGE_PUT = 1,
	NV_CHANGE_DELETE = 2,
};
#define NV_CHANGE_HEADER_SIZE 8u

struct nv_change {
	enum nv_change_kind kind;
	char name[NV_NAME_MAX + 8]; /* terminated */
	size_t data;		    /* where it begins in the list */
	uint32_t length;
};

struct nv_client;

/* What done tells besides 0. */
struct nv_answer {
	size_t length; /* NV_READ, NV_LIST: bytes that were pushed */
	/* The area after the action, of a deleted one the name; not for NV_LIST and NV_COMMIT. */
	struct nv_status status;
};

struct nv_client_ops {
	ssize_t (*pull_input)(struct nv_client *client, uint8_t *buf, size_t len, size_t cursor);
	ssize_t (*push_output)(struct nv_client *client, const uint8_t *buf, size_t len,
			       size_t cursor);
	/*
	 * 0 with *answer, or a negative error and NULL. -PLUTON_ENODEVICE: no such area.
	 * -PLUTON_EALREADY: it is there already. -PLUTON_ERESERVE: locked. -PLUTON_ENOMEM: over
	 * quota. -PLUTON_ESIZE: outside the area, or over the quota's area_bytes. -PLUTON_EINVAL:
	 * a malformed list of changes. -PLUTON_EFAIL: the disk (full, read-only, broken), or the
	 * area is damaged; why() says which.
	 */
	void (*done)(struct nv_client *client, int result, const struct nv_answer *answer);
};

/* Embedded in what the client keeps; stays put until done. */
struct nv_client {
	const struct nv_client_ops *ops;
};

struct nv_caps {
	size_t read_max;   /* bytes of one NV_READ; 4096, as on the chip */
	size_t area_max;   /* bytes of one area's capacity, whatever the quota */
	size_t commit_max; /* bytes of one NV_COMMIT; those of NV_WRITE and NV_PUT are area_max */
};

struct nv_engine {
	struct hil_engine head;
	struct nv_caps caps;
	const struct nv_engine_ops *ops;
};

struct nv_engine_ops {
	/*
	 * 0: done will come. What nv_check returns. -PLUTON_EBUSY: concurrency used up.
	 * -PLUTON_ENOMEM: no memory for the engine's own copy. *request is copied.
	 */
	int (*start)(struct nv_engine *engine, const struct nv_request *request,
		     struct nv_client *client);
	/*
	 * 0: done is on its way: what was not begun is CANCEL, a change under way completes.
	 * -PLUTON_EINVAL: this client has nothing under way.
	 */
	int (*cancel)(struct nv_engine *engine, struct nv_client *client);
	/* A sentence about the failure that done just reported, for a person; "" if there is none.
	 * Valid inside done. */
	const char *(*why)(struct nv_engine *engine);
};

/*
 * 0. -PLUTON_EINVAL: no such action or lock, or a name or owner that is none. -PLUTON_ESIZE: over
 * caps, or one area over the quota's area_bytes. For hil_select and for engines.
 */
int nv_check(const struct hil_engine *engine, const void *nv_request);

/* true: 1..NV_NAME_MAX of the bytes that a name may have. */
bool nv_name_valid(const char *name, size_t length);

/*
 * Takes a list of changes apart; reads each byte of it once, so do not use what can still change.
 * -PLUTON_EINVAL: malformed, empty, over NV_CHANGES_MAX, or one name twice. -PLUTON_ESIZE: data
 * over `area_bytes`.
 */
int nv_changes_parse(const uint8_t *list, size_t length, uint32_t area_bytes,
		     struct nv_change ret_changes[NV_CHANGES_MAX], unsigned *ret_count);

/* A status as a row of Pluton's protocol (struct pluton_nv_row), little-endian. */
#define NV_ROW_SIZE 88u
#define NV_ROW_LOCKS 80u /* where the locks stand in it */
void nv_status_encode(const struct nv_status *status, uint8_t ret_row[NV_ROW_SIZE]);

#endif
