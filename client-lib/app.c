/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apps: what plutond knows of them, channels to them, and for apps themselves the channels that
 * clients asked for. Whoever is told of a descriptor owns it; until then the library does.
 */
#include <pluton/app.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/app.h"
#include "client-lib/connection.h"
#include "client-lib/list.h"
#include "client-lib/rows.h"
#include "client-lib/status.h"

enum {
	COMMAND_LIST = 1,
	COMMAND_STATUS = 2,
	COMMAND_START = 3,
	COMMAND_STOP = 4,
	COMMAND_RESTART = 5,
	COMMAND_CONNECT = 6,
	COMMAND_ACCEPT = 7,
};

enum {
	SLOT_NAME = 0,
	SLOT_PEER = 0,
};

/* Which bytes a name may have is the daemon's to say. */
static int app_request(struct pluton *pluton, uint32_t command, const char *name,
		       struct pluton_request *ret)
{
	size_t length = name ? strlen(name) : 0;

	if (length == 0 || length > PLUTON_APP_NAME_MAX)
		return connection_refuse(
			pluton, -PLUTON_ENODEVICE,
			"there is no app with a name of %zu bytes: 1 to %d are one", length,
			PLUTON_APP_NAME_MAX);
	*ret = (struct pluton_request){
		.driver = PLUTON_DRIVER_APP,
		.command = command,
		.slots[SLOT_NAME] = {.in = name, .length = length},
	};
	return 0;
}

int pluton_app_list(struct pluton *pluton, struct pluton_app_row **ret_rows, size_t *ret_count)
{
	struct list list = {.layout = &row_app};
	int r = list_get(pluton, PLUTON_DRIVER_APP, COMMAND_LIST, &list);

	if (r < 0)
		return r;
	*ret_rows = (struct pluton_app_row *)(void *)list.rows;
	*ret_count = list.count;
	return 0;
}

int pluton_app_status(struct pluton *pluton, const char *name, struct pluton_app_row *ret)
{
	struct pluton_request request;
	int r = app_request(pluton, COMMAND_STATUS, name, &request);

	return r < 0 ? r : status_perform(pluton, &request, &row_app, ret);
}

int pluton_app_status_async(struct pluton *pluton, const char *name, struct pluton_app_row *ret,
			    pluton_done_fn done, void *userdata, pluton_operation_id *ret_id)
{
	const struct status status = {&row_app, ret, done, userdata};
	struct pluton_request request;
	int r = app_request(pluton, COMMAND_STATUS, name, &request);

	return r < 0 ? r : status_submit(pluton, &request, &status, ret_id);
}

static int control(struct pluton *pluton, uint32_t command, const char *name)
{
	struct pluton_request request;
	int r = app_request(pluton, command, name, &request);

	return r < 0 ? r : operation_perform(pluton, &request, REPEAT_UNSENT, NULL);
}

static int begin(struct pluton *pluton, uint32_t command, const char *name,
		 const struct completion *completion, pluton_operation_id *ret_id)
{
	struct pluton_request request;
	int r = app_request(pluton, command, name, &request);

	return r < 0 ? r : operation_submit(pluton, &request, completion, ret_id);
}

int pluton_app_start(struct pluton *pluton, const char *name)
{
	return control(pluton, COMMAND_START, name);
}

int pluton_app_stop(struct pluton *pluton, const char *name)
{
	return control(pluton, COMMAND_STOP, name);
}

int pluton_app_restart(struct pluton *pluton, const char *name)
{
	return control(pluton, COMMAND_RESTART, name);
}

int pluton_app_start_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			   void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};

	return begin(pluton, COMMAND_START, name, &completion, ret_id);
}

int pluton_app_stop_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			  void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};

	return begin(pluton, COMMAND_STOP, name, &completion, ret_id);
}

int pluton_app_restart_async(struct pluton *pluton, const char *name, pluton_done_fn done,
			     void *userdata, pluton_operation_id *ret_id)
{
	const struct completion completion = {.done = done, .userdata = userdata};

	return begin(pluton, COMMAND_RESTART, name, &completion, ret_id);
}

/* --- channels -------------------------------------------------------------------------------- */

int pluton_app_connect(struct pluton *pluton, const char *name, int *ret_fd)
{
	struct pluton_request request;
	int r = app_request(pluton, COMMAND_CONNECT, name, &request);

	return r < 0 ? r : operation_perform_giving(pluton, &request, ret_fd);
}

int app_connect_begin(struct pluton *pluton, const char *name, operation_told_fn told,
		      void *userdata)
{
	const struct completion completion = {.told = told, .userdata = userdata, .gives = true};

	return begin(pluton, COMMAND_CONNECT, name, &completion, NULL);
}

/* A connect under way: where its answer goes. */
struct connect {
	pluton_app_connect_fn function;
	void *userdata;
};

static void connected(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	const struct connect connect = *(const struct connect *)userdata;

	free(userdata);
	if (connect.function)
		connect.function(pluton, answer->status, answer->fd, connect.userdata);
	else if (answer->status == 0)
		close(answer->fd);
}

int pluton_app_connect_async(struct pluton *pluton, const char *name,
			     pluton_app_connect_fn function, void *userdata,
			     pluton_operation_id *ret_id)
{
	struct connect *connect = malloc(sizeof(*connect));
	const struct completion completion = {
		.told = connected, .userdata = connect, .drop = free, .gives = true};
	int r;

	if (!connect)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for a connect");
	*connect = (struct connect){function, userdata};
	r = begin(pluton, COMMAND_CONNECT, name, &completion, ret_id);
	if (r < 0)
		free(connect);
	return r;
}

/* --- for apps -------------------------------------------------------------------------------- */

static struct pluton_request accept_request(uint8_t *wire)
{
	return (struct pluton_request){
		.driver = PLUTON_DRIVER_APP,
		.command = COMMAND_ACCEPT,
		.slots[SLOT_PEER] = {.out = wire, .length = sizeof(struct pluton_app_peer)},
	};
}

/* A channel from we do not know whom is closed. */
static int decode_peer(struct pluton *pluton, const uint8_t *wire, int fd,
		       struct pluton_app_peer *ret)
{
	if (row_decode(&row_app_peer, wire, ret) == 0)
		return 0;
	close(fd);
	return connection_fail(pluton, -PLUTON_EBADRVAL, "a client's row makes no sense");
}

int pluton_app_accept(struct pluton *pluton, int *ret_fd, struct pluton_app_peer *ret_peer)
{
	uint8_t wire[sizeof(struct pluton_app_peer)] = {0};
	struct pluton_request request = accept_request(wire);
	struct pluton_app_peer peer;
	int fd, r;

	r = operation_perform_giving(pluton, &request, &fd);
	if (r == 0)
		r = decode_peer(pluton, wire, fd, &peer);
	if (r < 0)
		return r;
	*ret_fd = fd;
	*ret_peer = peer;
	return 0;
}

/* An accept under way: where its answer goes. */
struct accept {
	pluton_app_accept_fn function;
	void *userdata;
	uint8_t wire[sizeof(struct pluton_app_peer)];
};

static void accepted(struct pluton *pluton, const struct answer *answer, void *userdata)
{
	struct accept accept = *(struct accept *)userdata;
	struct pluton_app_peer peer = {0};
	int status = answer->status;

	free(userdata);
	if (status == 0)
		status = decode_peer(pluton, accept.wire, answer->fd, &peer);
	if (accept.function)
		accept.function(pluton, status, status == 0 ? answer->fd : -1, &peer,
				accept.userdata);
	else if (status == 0)
		close(answer->fd);
}

int pluton_app_accept_async(struct pluton *pluton, pluton_app_accept_fn function, void *userdata,
			    pluton_operation_id *ret_id)
{
	struct accept *accept = calloc(1, sizeof(*accept));
	const struct completion completion = {
		.told = accepted, .userdata = accept, .drop = free, .gives = true};
	struct pluton_request request;
	int r;

	if (!accept)
		return connection_refuse(pluton, -PLUTON_ENOMEM, "no memory for an accept");
	accept->function = function;
	accept->userdata = userdata;
	request = accept_request(accept->wire);
	r = operation_submit(pluton, &request, &completion, ret_id);
	if (r < 0)
		free(accept);
	return r;
}
