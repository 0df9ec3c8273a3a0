/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two pieces of memory that the daemon shares, used in turn. At most one is under way: a stream's
 * updates follow one another.
 */
#include "cli/stream.h"

#include <stdbool.h>

#include "cli/failure.h"
#include "cli/progress.h"

#define PIECE_SIZE ((size_t)1 << 20) /* bytes; less where the daemon allows no such windows */
#define PIECE_MIN ((size_t)1 << 12)

struct piece {
	void *in;
	void *out;
	size_t length; /* bytes in it */
	bool running;
	int result;
};

struct pieces {
	struct piece piece[2];
	size_t size; /* bytes of each buffer, in multiples of 16 */
	bool ended;  /* the input */
};

static void free_pieces(struct pluton *pluton, struct pieces *pieces)
{
	for (size_t i = 0; i < 2; i++) {
		pluton_free(pluton, pieces->piece[i].in);
		pluton_free(pluton, pieces->piece[i].out);
		pieces->piece[i] = (struct piece){0};
	}
}

static int alloc_bytes(struct pluton *pluton, size_t size, void **ret)
{
	*ret = pluton_alloc(pluton, size);
	return *ret ? 0 : pluton_alloc_error(pluton);
}

static int alloc_pieces(const struct stream *stream, struct pieces *pieces, size_t size)
{
	struct pluton *pluton = stream->session->pluton;
	int r = 0;

	pieces->size = size;
	for (size_t i = 0; i < 2 && r == 0; i++) {
		struct piece *piece = &pieces->piece[i];

		r = alloc_bytes(pluton, size, &piece->in);
		if (r == 0 && stream->output)
			r = alloc_bytes(pluton, size, &piece->out);
	}
	if (r < 0)
		free_pieces(pluton, pieces);
	return r;
}

/* As large as there is room for. */
static int find_room(const struct stream *stream, struct pieces *pieces)
{
	size_t size = PIECE_SIZE;
	int r = alloc_pieces(stream, pieces, size);

	while ((r == -PLUTON_ENOMEM || r == -PLUTON_ESIZE) && size / 2 >= PIECE_MIN) {
		size /= 2;
		r = alloc_pieces(stream, pieces, size);
	}
	return r;
}

static void piece_done(struct pluton *pluton, int status, void *userdata)
{
	struct piece *piece = userdata;

	(void)pluton;
	piece->result = status;
	piece->running = false;
}

static int piece_failed(const struct stream *stream, int error)
{
	if (error == -PLUTON_ESIZE && stream->on_size)
		return fail_pluton(error, "%s, %s: %s", stream->what, stream->input->name,
				   stream->on_size);
	return session_failed(stream->session, error, stream->what, stream->input->name);
}

static int start_piece(const struct stream *stream, struct piece *piece)
{
	int r;

	piece->running = true;
	r = stream->start(stream->session->pluton, stream->context, piece->in, piece->out,
			  piece->length, piece_done, piece);
	if (r == 0)
		return CLI_DONE;
	piece->running = false;
	return piece_failed(stream, r);
}

static int await_piece(const struct stream *stream, struct piece *piece)
{
	while (piece->running) {
		int r = pluton_yield_wait(stream->session->pluton);

		if (r < 0 && piece->running)
			return piece_failed(stream, r);
	}
	return piece->result < 0 ? piece_failed(stream, piece->result) : CLI_DONE;
}

/* A piece that is not full is the last; whatever ends the message still fits it. */
static int read_piece(const struct stream *stream, struct pieces *pieces, struct piece *piece)
{
	int status;

	piece->length = 0;
	if (pieces->ended)
		return CLI_DONE;
	status = input_read(stream->input, piece->in, pieces->size, &piece->length);
	pieces->ended = piece->length < pieces->size;
	if (status == CLI_DONE && pieces->ended && stream->end_input)
		piece->length = stream->end_input(piece->in, piece->length);
	return status;
}

static int write_piece(const struct stream *stream, const struct piece *piece, bool last)
{
	size_t length = piece->length;
	int status = CLI_DONE;

	if (last && stream->end_output)
		status = stream->end_output(stream, piece->out, &length);
	if (status != CLI_DONE || !stream->output || length == 0)
		return status;
	return output_write(stream->output, piece->out, length);
}

/* Reads into `next` while `running` is worked on, and lets `next` follow it. */
static int advance(const struct stream *stream, struct pieces *pieces, struct piece *running,
		   struct piece *next)
{
	int status = read_piece(stream, pieces, next);

	if (status == CLI_DONE)
		status = await_piece(stream, running);
	if (status == CLI_DONE && next->length > 0)
		status = start_piece(stream, next);
	if (status == CLI_DONE)
		status = write_piece(stream, running, next->length == 0);
	running->length = 0;
	return status;
}

static int run_pieces(const struct stream *stream, struct pieces *pieces)
{
	uint64_t read = 0;
	size_t turn = 0;
	int status;

	do {
		struct piece *next = &pieces->piece[turn];

		turn ^= 1;
		status = advance(stream, pieces, &pieces->piece[turn], next);
		read += next->length;
		progress_show(read);
		if (next->length == 0)
			break;
	} while (status == CLI_DONE);
	return status;
}

int stream_run(const struct stream *stream)
{
	struct pieces pieces = {0};
	int status, r = find_room(stream, &pieces);

	if (r < 0)
		return session_failed(stream->session, r, "no shared memory for the data",
				      stream->input->name);
	progress_begin(!stream->session->quiet, stream->input->size);
	status = run_pieces(stream, &pieces);
	progress_end();
	/* After a failure one may still be under way: its memory goes with the connection. */
	if (status == CLI_DONE)
		free_pieces(stream->session->pluton, &pieces);
	return status;
}
