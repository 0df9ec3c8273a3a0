/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-volatile memory: named areas that outlive program and daemon. An area belongs to its owner,
 * that is the app that made it, or else the user; nobody else can see that it exists.
 *
 * Whatever changes an area returns only when the change survives a power cut, and a failure means
 * that nothing was changed. Threads and common errors: pluton/pluton.h.
 *
 * Functions that end in _async do not wait: `done` (NULL: none) runs when it is done, with the
 * status that the function without _async returns; mistakes that need no daemon are returned at
 * once. Names and data are taken before they return; where the result goes must stay until `done`
 * runs, and is written with status 0 only. What the daemon's end cuts off is never made again.
 * get and list are several requests and so only synchronous.
 *
 * Errors of all calls: -PLUTON_EINVAL: not a name. -PLUTON_ENODEVICE: no such area.
 * -PLUTON_ERESERVE: locked. -PLUTON_EFAIL: the disk is full, read-only or broken, or the area is
 * damaged; pluton_error_message says which.
 */
#ifndef PLUTON_NV_H
#define PLUTON_NV_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define PLUTON_DRIVER_NV 0x50001u

#define PLUTON_NV_NAME_MAX 64	 /* bytes: letters, digits, '.', '_', '-'; not '.' first */
#define PLUTON_NV_READ_MAX 4096	 /* bytes of one read, as on the chip; the library asks again */
#define PLUTON_NV_CHANGES_MAX 16 /* areas that one commit changes */

enum pluton_nv_lock {
	PLUTON_NV_LOCK_WRITE_BOOT = 1, /* no writing or deleting until the daemon starts again */
	PLUTON_NV_LOCK_WRITE = 2,      /* never again */
	PLUTON_NV_LOCK_READ_BOOT = 4,  /* no reading until the daemon starts again */
};

/* In the locks of a row of pluton_nv_list: damaged, and nothing but its name is known. */
#define PLUTON_NV_DAMAGED 0x100

/* An area as it is. */
struct pluton_nv_row {
	char name[PLUTON_NV_NAME_MAX + 8];
	uint32_t capacity;   /* bytes */
	uint32_t length;     /* bytes of data, up to the capacity */
	uint32_t locks;	     /* enum pluton_nv_lock, or-ed */
	uint32_t generation; /* another one after every change of the data */
};

/*
 * Makes an empty area of `capacity` bytes. -PLUTON_EALREADY: it is there. -PLUTON_ENOMEM: over
 * the owner's quota ([nvmem] in plutond.conf(5)). -PLUTON_ESIZE: over nvmem.area_max.
 */
int pluton_nv_define(struct pluton *pluton, const char *name, uint32_t capacity);
int pluton_nv_define_async(struct pluton *pluton, const char *name, uint32_t capacity,
			   pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_nv_delete(struct pluton *pluton, const char *name);
int pluton_nv_delete_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			   void *userdata, pluton_operation_id *ret_id);

/*
 * `length` bytes from `offset` on; *ret_length (may be NULL) says how many there were, less than
 * `length` at the end of the data. All from one state of the area, however many reads it takes.
 * -PLUTON_ESIZE: offset behind the end, or length 0. -PLUTON_EBUSY: a writer changes it faster
 * than it can be read.
 */
int pluton_nv_read(struct pluton *pluton, const char *name, uint32_t offset, void *buffer,
		   size_t length, size_t *ret_length);

/*
 * One read: -PLUTON_ESIZE if `length` is over PLUTON_NV_READ_MAX. Of a buffer that is not filled
 * the rest is undefined. Several reads may find several states of the area; its generation
 * (pluton_nv_status_async before and after) tells.
 */
int pluton_nv_read_async(struct pluton *pluton, const char *name, uint32_t offset, void *buffer,
			 size_t length, size_t *ret_length, pluton_done_fn done, void *userdata,
			 pluton_operation_id *ret_id);

/*
 * `length` bytes at `offset`; a gap reads as zeros. -PLUTON_ESIZE: behind the capacity, or length
 * 0.
 */
int pluton_nv_write(struct pluton *pluton, const char *name, uint32_t offset, const void *buffer,
		    size_t length);
int pluton_nv_write_async(struct pluton *pluton, const char *name, uint32_t offset,
			  const void *buffer, size_t length, pluton_done_fn done, void *userdata,
			  pluton_operation_id *ret_id);
int pluton_nv_lock(struct pluton *pluton, const char *name, enum pluton_nv_lock lock);
int pluton_nv_lock_async(struct pluton *pluton, const char *name, enum pluton_nv_lock lock,
			 pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);
int pluton_nv_status(struct pluton *pluton, const char *name, struct pluton_nv_row *ret);
int pluton_nv_status_async(struct pluton *pluton, const char *name, struct pluton_nv_row *ret,
			   pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

/* The caller's areas in name order; the caller frees *ret_rows with free(). */
int pluton_nv_list(struct pluton *pluton, struct pluton_nv_row **ret_rows, size_t *ret_count);

/*
 * Key and value: the whole data at once. put makes the area if it is missing. get allocates
 * *ret_data (the caller wipes and frees it with free()).
 */
int pluton_nv_put(struct pluton *pluton, const char *name, const void *data, size_t length);
int pluton_nv_get(struct pluton *pluton, const char *name, void **ret_data, size_t *ret_length);
int pluton_nv_put_async(struct pluton *pluton, const char *name, const void *data, size_t length,
			pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

/* One change of a commit: the area's new data, or its deletion. */
struct pluton_nv_change {
	const char *name;
	const void *data; /* NULL: delete the area */
	size_t length;
};

/*
 * All of them or none. -PLUTON_EINVAL: one name twice, none or over PLUTON_NV_CHANGES_MAX, or a
 * length without data. -PLUTON_ESIZE: more than one window (pluton_get_limits) takes.
 */
int pluton_nv_commit(struct pluton *pluton, const struct pluton_nv_change *changes, size_t count);
int pluton_nv_commit_async(struct pluton *pluton, const struct pluton_nv_change *changes,
			   size_t count, pluton_done_fn done, void *userdata,
			   pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
