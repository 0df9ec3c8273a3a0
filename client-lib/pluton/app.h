/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apps: programs that plutond starts and that serve others, such as the TPM. A client asks for one
 * by name and gets a channel straight to it; an app takes such channels with pluton_app_accept.
 * Threads and common errors: pluton/pluton.h.
 *
 * Functions that end in _async do not wait: their function (NULL: none) runs when it is done, with
 * the status that the one without _async returns; a name that is none is refused at once. Names
 * are taken before they return. What the daemon's end cuts off is never made again. The list is
 * several requests and so only synchronous.
 */
#ifndef PLUTON_APP_H
#define PLUTON_APP_H

#include <pluton/pluton.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Bit 31: not one of Tock's numbers. */
#define PLUTON_DRIVER_APP 0x80000002u

#define PLUTON_APP_NAME_MAX 31	 /* bytes: letters, digits, '_', '-' */
#define PLUTON_APP_REASON_MAX 95 /* bytes */

enum pluton_app_state {
	PLUTON_APP_STOPPED = 0,	 /* as asked, or not started yet */
	PLUTON_APP_STARTING = 1, /* runs, and has not said that it is ready */
	PLUTON_APP_RUNNING = 2,
	PLUTON_APP_STOPPING = 3,
	PLUTON_APP_WAITING = 4, /* ended; is started again when its back-off is over */
	PLUTON_APP_FAILED = 5,	/* ended or never ran; is started only when somebody asks */
};

struct pluton_app_row {
	char name[PLUTON_APP_NAME_MAX + 1];
	char reason[PLUTON_APP_REASON_MAX + 1]; /* how it ended last, or why it cannot run */
	uint32_t state;				/* enum pluton_app_state */
	uint32_t pid;				/* 0: none */
	uint32_t starts;			/* since plutond started */
	uint32_t failures;			/* ends in a row that nobody asked for */
	uint64_t since_ms;			/* for how long it has been in this state */
	uint64_t retry_ms; /* waiting: in how long it is started again; else 0 */
};

/* In name order; the caller frees *ret_rows with free(). */
int pluton_app_list(struct pluton *pluton, struct pluton_app_row **ret_rows, size_t *ret_count);

/* -PLUTON_ENODEVICE: no such app. */
int pluton_app_status(struct pluton *pluton, const char *name, struct pluton_app_row *ret);
/* *ret must stay until `done` runs, and is written before it does, with status 0 only. */
int pluton_app_status_async(struct pluton *pluton, const char *name, struct pluton_app_row *ret,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id);

/*
 * Returns when it is done. Only root and the daemon's own user may: else -PLUTON_ENOSUPPORT.
 * -PLUTON_EFAIL: it did not start, or stop. -PLUTON_ECANCEL: overtaken by the opposite.
 */
int pluton_app_start(struct pluton *pluton, const char *name);
int pluton_app_stop(struct pluton *pluton, const char *name);
int pluton_app_restart(struct pluton *pluton, const char *name);
int pluton_app_start_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			   void *userdata, pluton_operation_id *ret_id);
int pluton_app_stop_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			  void *userdata, pluton_operation_id *ret_id);
int pluton_app_restart_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			     void *userdata, pluton_operation_id *ret_id);

/*
 * A channel straight to the app, which is started if need be: *ret_fd is a connected
 * SOCK_SEQPACKET socket, the caller's to close. Pluton's own apps speak Pluton's protocol on it.
 * -PLUTON_ENODEVICE: no such app. -PLUTON_EFAIL: it does not start. -PLUTON_EBUSY: it did not
 * take the channel within app.connect_timeout.
 */
int pluton_app_connect(struct pluton *pluton, const char *name, int *ret_fd);

/* `fd` is the function's to close; -1 unless status is 0. Without a function it is closed. */
typedef void (*pluton_app_connect_fn)(struct pluton *pluton, int status, int fd, void *userdata);
int pluton_app_connect_async(struct pluton *pluton, const char *name,
			     pluton_app_connect_fn function, void *userdata,
			     pluton_operation_id *ret_id);

/* --- for apps -------------------------------------------------------------------------------- */

/* Who is at the other end of a channel, as plutond knows it. */
struct pluton_app_peer {
	char command[16];		   /* its name, for people; terminated */
	char app[PLUTON_APP_NAME_MAX + 1]; /* an app itself; "": none */
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	uint32_t process_index; /* as `pluton-cli ps` shows it */
	uint32_t process_generation;
	uint32_t reserved;
};

/* `fd` is the function's to close; -1 unless status is 0. */
typedef void (*pluton_app_accept_fn)(struct pluton *pluton, int status, int fd,
				     const struct pluton_app_peer *peer, void *userdata);

/*
 * Takes the next channel that a client asks for. An app keeps some of these under way, so that
 * clients need not wait. -PLUTON_ENOSUPPORT: the caller is no app that plutond started.
 */
int pluton_app_accept(struct pluton *pluton, int *ret_fd, struct pluton_app_peer *ret_peer);
int pluton_app_accept_async(struct pluton *pluton, pluton_app_accept_fn function, void *userdata,
			    pluton_operation_id *ret_id);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
