/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actions of the HIL. Each looks at what is there, decides, and only then changes anything, in
 * one call of change_make.
 */
#include "backends/files/job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "backends/files/quota.h"

/* Memory of more than this goes back to the system after it was wiped. */
#define KEPT_BYTES (256u * 1024)

struct run {
	struct job *job;
	struct place place;
};

static int refuse(struct run *run, int error, const char *name, const char *what)
{
	return disk_refuse(&run->job->disk, error, "area %s of %s %s", name,
			   run->job->request.owner, what);
}

/* --- looking --------------------------------------------------------------------------------- */

/* `data` NULL: only the header. -PLUTON_ENODEVICE with a sentence. */
static int load(struct run *run, const char *name, struct area *ret, struct scratch *data)
{
	struct job *job = run->job;
	int r = area_load(&job->disk, run->place.owner, name, job->request.owner, name, ret, data);

	return r == -PLUTON_ENODEVICE ? refuse(run, r, name, "does not exist") : r;
}

static void tell(struct run *run, const char *name, const struct area *area)
{
	struct nv_status *status = &run->job->status;

	*status = (struct nv_status){.capacity = area->capacity,
				     .length = area->length,
				     .locks = area->locks,
				     .generation = area->generation};
	memcpy(status->name, name, strlen(name));
}

static int check_writable(struct run *run, const char *name, uint32_t locks)
{
	if (locks & NV_LOCK_WRITE)
		return refuse(run, -PLUTON_ERESERVE, name, "is locked against writing for good");
	if (locks & NV_LOCK_WRITE_BOOT)
		return refuse(run, -PLUTON_ERESERVE, name,
			      "is locked against writing until plutond starts again");
	return 0;
}

/* --- changing -------------------------------------------------------------------------------- */

/* So that an area that was removed and made again is not taken for the one before. */
static int first_generation(struct run *run, uint32_t *ret)
{
	if (getrandom(ret, sizeof(*ret), 0) == (ssize_t)sizeof(*ret))
		return 0;
	return disk_fail(&run->job->disk, NULL, NULL, "the system gives no random numbers");
}

static int make_folders(struct run *run)
{
	struct job *job = run->job;
	int r = place_make(&job->disk, job->request.owner, &run->place);

	if (r < 0 || job->settled)
		return r;
	r = place_settle(&job->disk, &run->place);
	job->settled = r == 0;
	return r;
}

static bool adds(const struct change *changes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct change *change = &changes[i];

		if (!change->removes &&
		    (!change->exists || change->after.capacity > change->before.capacity))
			return true;
	}
	return false;
}

static int make(struct run *run, struct change *changes, unsigned count)
{
	struct job *job = run->job;
	const struct nv_request *request = &job->request;
	int r = 0;

	if (adds(changes, count))
		r = quota_check(&job->disk, &run->place, request->owner, &request->quota, changes,
				count);
	if (r == 0)
		r = make_folders(run);
	if (r == 0)
		r = change_make(&job->disk, &run->place, request->owner, job->ticket, changes,
				count, &job->image, &job->repair);
	if (r == 0 && count == 1 && !changes->removes)
		tell(run, changes->name, &changes->after);
	return r;
}

/* The whole file is read before it is replaced: what is damaged stays as it is. */
static int plan(struct run *run, const char *name, uint32_t boot_locks, bool may_be_missing,
		struct change *ret)
{
	struct job *job = run->job;
	int r = load(run, name, &ret->before, &job->image);

	ret->name = name;
	if (r == -PLUTON_ENODEVICE && may_be_missing) {
		job->disk.why[0] = '\0';
		ret->after = (struct area){0};
		return first_generation(run, &ret->after.generation);
	}
	if (r < 0)
		return r;
	ret->exists = true;
	ret->after = ret->before;
	ret->after.generation++;
	return check_writable(run, name, ret->before.locks | boot_locks);
}

static int plan_put(struct run *run, const char *name, uint32_t boot_locks, const uint8_t *data,
		    uint32_t length, struct change *ret)
{
	int r = plan(run, name, boot_locks, true, ret);

	ret->data = data;
	ret->after.length = length;
	if (ret->after.capacity < length)
		ret->after.capacity = length;
	return r;
}

static int plan_delete(struct run *run, const char *name, uint32_t boot_locks, struct change *ret)
{
	ret->removes = true;
	return plan(run, name, boot_locks, false, ret);
}

/* --- actions --------------------------------------------------------------------------------- */

static int define(struct run *run)
{
	const struct nv_request *request = &run->job->request;
	struct change change = {.name = request->name};
	int r = load(run, request->name, &change.before, NULL);

	if (r == 0)
		return refuse(run, -PLUTON_EALREADY, request->name, "exists already");
	if (r != -PLUTON_ENODEVICE)
		return r;
	run->job->disk.why[0] = '\0';
	change.after.capacity = request->size;
	r = first_generation(run, &change.after.generation);
	return r < 0 ? r : make(run, &change, 1);
}

static int delete (struct run *run)
{
	struct job *job = run->job;
	struct change change = {0};
	int r = plan_delete(run, job->request.name, job->boot_locks, &change);

	if (r == 0)
		r = make(run, &change, 1);
	if (r == 0)
		tell(run, job->request.name, &(struct area){0});
	return r;
}

static int read_area(struct run *run)
{
	struct job *job = run->job;
	const struct nv_request *request = &job->request;
	struct area area;
	size_t left;
	int r = load(run, request->name, &area, &job->image);

	if (r < 0)
		return r;
	if (job->boot_locks & NV_LOCK_READ_BOOT)
		return refuse(run, -PLUTON_ERESERVE, request->name,
			      "is locked against reading until plutond starts again");
	if (request->offset > area.length)
		return refuse(run, -PLUTON_ESIZE, request->name, "ends before that offset");
	left = area.length - request->offset;
	job->output_length = left < request->length ? left : request->length;
	memcpy(job->input, job->image.bytes + request->offset, job->output_length);
	tell(run, request->name, &area);
	return 0;
}

static int write_area(struct run *run)
{
	struct job *job = run->job;
	const struct nv_request *request = &job->request;
	uint64_t end = (uint64_t)request->offset + request->length;
	struct change change = {.data = job->image.bytes};
	int r = plan(run, request->name, job->boot_locks, false, &change);

	if (r < 0)
		return r;
	if (end > change.before.capacity)
		return refuse(run, -PLUTON_ESIZE, request->name, "has less room than that");
	scratch_use(&job->image, end);
	if (request->offset > change.before.length)
		memset(job->image.bytes + change.before.length, 0,
		       request->offset - change.before.length);
	memcpy(job->image.bytes + request->offset, job->input, request->length);
	if (end > change.after.length)
		change.after.length = (uint32_t)end;
	return make(run, &change, 1);
}

static int put(struct run *run)
{
	struct job *job = run->job;
	struct change change = {0};
	int r = plan_put(run, job->request.name, job->boot_locks, job->input,
			 (uint32_t)job->request.length, &change);

	return r < 0 ? r : make(run, &change, 1);
}

static int commit(struct run *run)
{
	struct change changes[NV_CHANGES_MAX] = {0};
	struct job *job = run->job;
	int r = 0;

	for (unsigned i = 0; i < job->change_count && r == 0; i++) {
		const struct nv_change *asked = &job->changes[i];

		if (asked->kind == NV_CHANGE_PUT)
			r = plan_put(run, asked->name, job->change_locks[i],
				     job->input + asked->data, asked->length, &changes[i]);
		else
			r = plan_delete(run, asked->name, job->change_locks[i], &changes[i]);
	}
	return r < 0 ? r : make(run, changes, job->change_count);
}

/* Those until the next start are kept by who has asked for this. */
static int lock(struct run *run)
{
	struct job *job = run->job;
	const char *name = job->request.name;
	struct change change = {.name = name, .exists = true, .data = job->image.bytes};
	int r = load(run, name, &change.before, &job->image);

	if (r < 0)
		return r;
	tell(run, name, &change.before);
	if (job->request.lock != NV_LOCK_WRITE || change.before.locks & NV_LOCK_WRITE)
		return 0;
	change.after = change.before;
	change.after.locks |= NV_LOCK_WRITE;
	return make(run, &change, 1);
}

static int status(struct run *run)
{
	const char *name = run->job->request.name;
	struct area area;
	int r = load(run, name, &area, NULL);

	if (r == 0)
		tell(run, name, &area);
	return r;
}

/* --- list ------------------------------------------------------------------------------------ */

typedef char listed_name[NV_NAME_MAX + 8];

/* All names, in the image: a folder may hold more than the quota of today allows. */
struct listing {
	struct run *run;
	size_t count;
};

static int list_name(void *context, const char *name)
{
	struct listing *listing = context;
	listed_name *names = (listed_name *)listing->run->job->image.bytes;

	if ((listing->count + 1) * sizeof(listed_name) > FILES_AREA_MAX)
		return disk_refuse(&listing->run->job->disk, -PLUTON_EFAIL,
				   "%s has more areas than can be listed; remove some",
				   listing->run->job->request.owner);
	scratch_use(&listing->run->job->image, (listing->count + 1) * sizeof(listed_name));
	memset(names[listing->count], 0, sizeof(listed_name));
	memcpy(names[listing->count++], name, strlen(name));
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void list_row(struct run *run, const char *name)
{
	struct disk quiet = run->job->disk;
	struct job *job = run->job;
	struct area area;

	if (area_load(&quiet, run->place.owner, name, job->request.owner, name, &area, NULL) < 0)
		area = (struct area){.locks = NV_DAMAGED};
	tell(run, name, &area);
	nv_status_encode(&job->status, job->input + job->output_length);
	job->output_length += NV_ROW_SIZE;
}

static int list(struct run *run)
{
	struct job *job = run->job;
	const struct nv_request *request = &job->request;
	const listed_name *names = (const listed_name *)job->image.bytes;
	size_t room =
		(request->length < JOB_INPUT_SIZE ? request->length : JOB_INPUT_SIZE) / NV_ROW_SIZE;
	struct listing listing = {.run = run};
	int r = areas_each(&job->disk, run->place.owner, request->owner, list_name, &listing);

	if (r < 0)
		return r;
	qsort(job->image.bytes, listing.count, sizeof(listed_name), compare_names);
	for (size_t i = request->offset; i < listing.count && i - request->offset < room; i++)
		list_row(run, names[i]);
	return 0;
}

/* --- running --------------------------------------------------------------------------------- */

static int (*const actions[])(struct run *run) = {
	[NV_DEFINE] = define,	 [NV_DELETE] = delete, [NV_READ] = read_area,
	[NV_WRITE] = write_area, [NV_PUT] = put,       [NV_COMMIT] = commit,
	[NV_LOCK] = lock,	 [NV_STATUS] = status, [NV_LIST] = list,
};

bool job_changes(const struct job *job)
{
	switch (job->request.action) {
	case NV_READ:
	case NV_STATUS:
	case NV_LIST:
		return false;
	default:
		return true;
	}
}

static bool has_input(const struct job *job)
{
	enum nv_action action = job->request.action;

	return action == NV_WRITE || action == NV_PUT || action == NV_COMMIT;
}

/* What is beyond the first pages goes back to the system afterwards. */
static void wipe(uint8_t *bytes, size_t from, size_t used, size_t size)
{
	if (used > from)
		explicit_bzero(bytes + from, used - from);
	if (used > KEPT_BYTES && from <= KEPT_BYTES)
		madvise(bytes + KEPT_BYTES, size - KEPT_BYTES, MADV_DONTNEED);
}

void job_wipe(struct job *job)
{
	wipe(job->image.bytes, 0, job->image.used, FILES_AREA_MAX);
	job->image.used = 0;
	if (has_input(job))
		wipe(job->input, job->output_length, job->request.length, JOB_INPUT_SIZE);
}

static int make_repair(struct run *run)
{
	struct job *job = run->job;
	struct repair owed = job->repair;
	int r;

	if (owed.kind == REPAIR_NOTHING)
		return 0;
	r = repair_make(&job->disk, &run->place, &owed, &job->image);
	if (r == 0)
		job->repair.kind = REPAIR_NOTHING;
	return r;
}

int job_run(struct job *job)
{
	struct run run = {.job = job};
	int r = place_open(&job->disk, job->request.owner, &run.place);

	if (r == 0)
		r = make_repair(&run);
	if (r == 0)
		r = actions[job->request.action](&run);
	place_close(&run.place);
	job_wipe(job);
	return r;
}
