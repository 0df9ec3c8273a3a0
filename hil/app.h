/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HIL for apps: programs that plutond has started and that serve others (Tock's processes, which
 * its kernel loads and restarts). What an app is stands in app.d/NAME.conf; an engine is a way to
 * start one: by fork, or by socket activation of a service manager.
 *
 * Contract: hil/contract.h. Nothing is pulled or pushed.
 */
#ifndef PLUTON_HIL_APP_H
#define PLUTON_HIL_APP_H

#include "hil/contract.h"

#define APP_NAME_MAX 31u   /* bytes: letters, digits, '_', '-' */
#define APP_REASON_MAX 95u /* bytes of a sentence */

enum app_state {
	APP_STOPPED = 0,  /* as asked, or not started yet */
	APP_STARTING = 1, /* runs, and has not said that it is ready */
	APP_RUNNING = 2,
	APP_STOPPING = 3,
	APP_WAITING = 4, /* ended; is started again when its back-off is over */
	APP_FAILED = 5,	 /* ended or never ran; is started only when somebody asks */
};

enum app_action {
	APP_START = 1, /* done(0) when it runs; at once if it does. Forgets its back-off */
	APP_STOP,      /* done(0) when it is stopped; at once if it is */
	APP_RESTART,   /* both */
	APP_DEMAND,    /* as START, but waits for its back-off, and only if it starts on demand */
};

struct app_request {
	enum app_action action;
	char name[APP_NAME_MAX + 1];
};

struct app_status {
	char name[APP_NAME_MAX + 1];
	char reason[APP_REASON_MAX + 1]; /* how it ended last, or why it cannot run; "": nothing */
	enum app_state state;
	uint32_t pid;	   /* 0: none */
	uint32_t starts;   /* since plutond started */
	uint32_t failures; /* ends in a row that were not asked for */
	uint64_t since_ms; /* for how long it has been in this state */
	uint64_t retry_ms; /* APP_WAITING: in how long it is started again; else 0 */
};

struct app_client;

struct app_client_ops {
	/*
	 * 0, or: -PLUTON_EFAIL it did not start or stop; app_status.reason says more.
	 * -PLUTON_ECANCEL: cancelled, or overtaken by a request for the opposite.
	 */
	void (*done)(struct app_client *client, int result);
};

/* Embedded in what the client keeps; stays put until done. */
struct app_client {
	const struct app_client_ops *ops;
};

struct app_engine {
	struct hil_engine head;
	const struct app_engine_ops *ops;
};

struct app_engine_ops {
	/* 0: done will come. -PLUTON_ENODEVICE: no such app. -PLUTON_EBUSY: concurrency. */
	int (*start)(struct app_engine *engine, const struct app_request *request,
		     struct app_client *client);
	/* 0: done is on its way; the app goes on. -PLUTON_EINVAL: nothing under way. */
	int (*cancel)(struct app_engine *engine, struct app_client *client);
	/* The `index`-th app there is, in name order. -PLUTON_ENODEVICE: there are fewer. */
	int (*status)(struct app_engine *engine, uint32_t index, struct app_status *ret);
	/* -PLUTON_ENODEVICE: no such app. */
	int (*find)(struct app_engine *engine, const char *name, uint32_t *ret_index);
};

/* Letters, digits, '-' and '_', the last two not first. */
bool app_name_valid(const char *name, size_t length);

/* --- rows ------------------------------------------------------------------------------------ */

/* Who asks for an app. */
struct app_peer {
	char command[16];
	char app[APP_NAME_MAX + 1];
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	uint32_t process_index;
	uint32_t process_generation;
};

/* As they are on the wire: struct pluton_app_row and struct pluton_app_peer of pluton/app.h. */
#define APP_ROW_SIZE 160u
#define APP_PEER_SIZE 72u
void app_status_encode(const struct app_status *status, uint8_t ret_row[APP_ROW_SIZE]);
void app_peer_encode(const struct app_peer *peer, uint8_t ret_row[APP_PEER_SIZE]);

#endif
