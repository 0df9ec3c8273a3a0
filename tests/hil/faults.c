/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrappers, made from fault_calls.h, and what watches memory. Engines work on other threads,
 * one operation at a time: counters are atomic, and the tables have a lock.
 */
#include "tests/hil/faults.h"

#include <ctype.h>
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/random.h>

#include "backends/openssl/memory.h"
#include "daemon/kernel/interrupt.h"

#define SITES_MAX 1024u
#define BLOCKS_MAX 4096u

typedef const unsigned char *bytes_in;
typedef unsigned char *bytes_out;
typedef const unsigned char **der_in;
typedef unsigned char **der_out;
typedef void *(*start_fn)(void *argument);

/* --- the calls ---------------------------------------------------------------------------------
 */

#define FAULT0(name, ...) CALL_##name,
#define FAULT1 FAULT0
#define FAULT2 FAULT0
#define FAULT3 FAULT0
#define FAULT4 FAULT0
#define FAULT5 FAULT0
#define FAULT6 FAULT0
#define FAULT7 FAULT0
#define FAULT12 FAULT0
#define FAULT_OWN(name) CALL_##name,
#define WATCHED(name)
#define NO_FAULT(name)
enum call {
#include "tests/hil/fault_calls.h"
	CALLS
};
#undef FAULT0
#undef FAULT_OWN
#define FAULT0(name, ...) [CALL_##name] = #name,
#define FAULT_OWN(name) [CALL_##name] = #name,
static const char *const names[CALLS] = {
#include "tests/hil/fault_calls.h"
};
#undef FAULT0
#undef FAULT1
#undef FAULT2
#undef FAULT3
#undef FAULT4
#undef FAULT5
#undef FAULT6
#undef FAULT7
#undef FAULT12
#undef FAULT_OWN

/* Places in this program that call one of them. */
struct site {
	const void *place;
	enum call call;
	bool failed;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct site sites[SITES_MAX];
static size_t site_count;

static atomic_bool armed;
static enum fault_layer layer_in_use;
static bool lasts;
static unsigned wanted;
static atomic_uint counted;
static atomic_uint last_call;

static void note_site(enum call call, const void *place, bool fails)
{
	size_t i = 0;

	pthread_mutex_lock(&lock);
	while (i < site_count && (sites[i].place != place || sites[i].call != call))
		i++;
	if (i < SITES_MAX) {
		sites[i].place = place;
		sites[i].call = call;
		sites[i].failed |= fails;
		site_count = i < site_count ? site_count : i + 1;
	}
	pthread_mutex_unlock(&lock);
}

static bool is_turn(enum fault_layer layer)
{
	unsigned n;

	if (!atomic_load(&armed) || layer != layer_in_use)
		return false;
	n = atomic_fetch_add(&counted, 1) + 1;
	return n == wanted || (lasts && n > wanted);
}

static bool is_of_libcrypto(const char *name)
{
	return isupper((unsigned char)name[0]) || strstr(name, "2d_") || strstr(name, "2i_");
}

/* Whether this call is to fail; then with the traces that a lack of memory leaves. */
static bool fails(enum call call, const void *place)
{
	bool is_due = is_turn(FAULT_IN_CALLS);

	if (!atomic_load(&armed))
		return false;
	if (is_due || layer_in_use == FAULT_IN_ALLOCATIONS)
		atomic_store(&last_call, call);
	note_site(call, place, is_due);
	if (is_due && is_of_libcrypto(names[call])) {
		/* Without a place: libcrypto would keep a copy of its name. */
		ERR_new();
		ERR_set_error(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE, NULL);
	}
	if (is_due)
		errno = ENOMEM;
	return is_due;
}

#define WRAP(name, type, failure, parameters, arguments)                                           \
	_Static_assert(__builtin_types_compatible_p(__typeof__(name), type parameters), #name);    \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		if (fails(CALL_##name, __builtin_return_address(0)))                               \
			return failure;                                                            \
		return __real_##name arguments;                                                    \
	}
#define FAULT0(name, type, failure) WRAP(name, type, failure, (void), ())
#define FAULT1(name, type, failure, A) WRAP(name, type, failure, (A a), (a))
#define FAULT2(name, type, failure, A, B) WRAP(name, type, failure, (A a, B b), (a, b))
#define FAULT3(name, type, failure, A, B, C) WRAP(name, type, failure, (A a, B b, C c), (a, b, c))
#define FAULT4(name, type, failure, A, B, C, D)                                                    \
	WRAP(name, type, failure, (A a, B b, C c, D d), (a, b, c, d))
#define FAULT5(name, type, failure, A, B, C, D, E)                                                 \
	WRAP(name, type, failure, (A a, B b, C c, D d, E e), (a, b, c, d, e))
#define FAULT6(name, type, failure, A, B, C, D, E, F)                                              \
	WRAP(name, type, failure, (A a, B b, C c, D d, E e, F f), (a, b, c, d, e, f))
#define FAULT7(name, type, failure, A, B, C, D, E, F, G)                                           \
	WRAP(name, type, failure, (A a, B b, C c, D d, E e, F f, G g), (a, b, c, d, e, f, g))
#define FAULT12(name, type, failure, A, B, C, D, E, F, G, H, I, J, K, L)                           \
	WRAP(name, type, failure, (A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l),    \
	     (a, b, c, d, e, f, g, h, i, j, k, l))
#define FAULT_OWN(name) __typeof__(name) __real_##name, __wrap_##name;
#undef WATCHED
#define WATCHED FAULT_OWN
#include "tests/hil/fault_calls.h"

/* One name of a group, or NULL, or nothing at all: reading it costs nothing. */
EVP_PKEY *__wrap_EVP_PKEY_Q_keygen(OSSL_LIB_CTX *context, const char *properties, const char *type,
				   ...)
{
	va_list arguments;
	char *group;

	va_start(arguments, type);
	group = va_arg(arguments, char *);
	va_end(arguments);
	if (fails(CALL_EVP_PKEY_Q_keygen, __builtin_return_address(0)))
		return NULL;
	return __real_EVP_PKEY_Q_keygen(context, properties, type, group);
}

/* --- secrets -----------------------------------------------------------------------------------
 */

static struct {
	uint8_t bytes[64];
	size_t len;
} secrets[FAULT_SECRETS_MAX];
static size_t secret_count;
static char found[160];

void faults_hide(const void *secret, size_t len)
{
	pthread_mutex_lock(&lock);
	if (len >= 8 && secret_count < FAULT_SECRETS_MAX) {
		secrets[secret_count].len = len < 64 ? len : 64;
		memcpy(secrets[secret_count].bytes, secret, secrets[secret_count].len);
		secret_count++;
	}
	pthread_mutex_unlock(&lock);
}

/* With the lock. */
static void look(const void *memory, size_t size, const char *where)
{
	for (size_t i = 0; i < secret_count && !*found; i++) {
		if (memmem(memory, size, secrets[i].bytes, secrets[i].len))
			snprintf(found, sizeof(found), "secret %zu in %s of %zu bytes", i, where,
				 size);
	}
}

/* --- memory of libcrypto, as it comes through backends/openssl/memory.c -------------------------
 */

static _Thread_local enum { OUTSIDE = 0, INSIDE, REFUSED } inside;

void *__wrap_malloc(size_t size)
{
	if (inside == REFUSED)
		return NULL;
	if (inside == OUTSIDE && fails(CALL_malloc, __builtin_return_address(0)))
		return NULL;
	return __real_malloc(size);
}

/* --- memory of the engines ---------------------------------------------------------------------
 */

static struct {
	void *memory; /* NULL: free */
	size_t size;
} blocks[BLOCKS_MAX];
static size_t block_count;

static void remember(void *memory, size_t size)
{
	size_t i = 0;

	pthread_mutex_lock(&lock);
	while (i < BLOCKS_MAX && blocks[i].memory)
		i++;
	if (memory && i < BLOCKS_MAX) {
		blocks[i].memory = memory;
		blocks[i].size = size;
		block_count++;
	}
	pthread_mutex_unlock(&lock);
}

static void forget(const void *memory)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; memory && i < BLOCKS_MAX; i++) {
		if (blocks[i].memory != memory)
			continue;
		look(memory, blocks[i].size, "a freed block of an engine");
		blocks[i].memory = NULL;
		block_count--;
	}
	pthread_mutex_unlock(&lock);
}

void *__wrap_calloc(size_t count, size_t size)
{
	void *memory =
		fails(CALL_calloc, __builtin_return_address(0)) ? NULL : __real_calloc(count, size);

	remember(memory, count * size);
	return memory;
}

void __wrap_free(void *memory)
{
	if (inside != OUTSIDE && memory) {
		pthread_mutex_lock(&lock);
		look(memory, malloc_usable_size(memory), "a freed block of libcrypto");
		pthread_mutex_unlock(&lock);
	} else {
		forget(memory);
	}
	__real_free(memory);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *memory;

	if (fails(CALL_mmap, __builtin_return_address(0)))
		return MAP_FAILED;
	memory = __real_mmap(at, size, protection, flags, fd, offset);
	if (memory != MAP_FAILED)
		remember(memory, size);
	return memory;
}

int __wrap_munmap(void *memory, size_t size)
{
	forget(memory);
	return __real_munmap(memory, size);
}

/* --- memory of libcrypto -----------------------------------------------------------------------
 */

static atomic_size_t crypto_blocks;

static void *crypto_malloc(size_t size, const char *file, int line)
{
	void *memory;

	inside = is_turn(FAULT_IN_ALLOCATIONS) ? REFUSED : INSIDE;
	memory = memory_take(size, file, line);
	inside = OUTSIDE;
	if (memory)
		atomic_fetch_add(&crypto_blocks, 1);
	return memory;
}

static void crypto_free(void *memory, const char *file, int line)
{
	if (memory)
		atomic_fetch_sub(&crypto_blocks, 1);
	inside = INSIDE;
	memory_give_back(memory, file, line);
	inside = OUTSIDE;
}

static void *crypto_realloc(void *memory, size_t size, const char *file, int line)
{
	void *other;

	if (!memory)
		return crypto_malloc(size, file, line);
	inside = is_turn(FAULT_IN_ALLOCATIONS) ? REFUSED : INSIDE;
	other = memory_resize(memory, size, file, line);
	inside = OUTSIDE;
	return other;
}

void faults_install(void)
{
	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
		abort();
}

size_t faults_blocks(void)
{
	return block_count + atomic_load(&crypto_blocks);
}

const char *faults_found(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < BLOCKS_MAX; i++) {
		if (blocks[i].memory)
			look(blocks[i].memory, blocks[i].size, "a block of an engine");
	}
	secret_count = 0;
	pthread_mutex_unlock(&lock);
	return *found ? found : NULL;
}

/* --- threads -----------------------------------------------------------------------------------
 */

static atomic_bool queue_left;

void __real_interrupt_raise(struct interrupt_queue *queue, struct interrupt *interrupt);
void __wrap_interrupt_raise(struct interrupt_queue *queue, struct interrupt *interrupt);
void __wrap_interrupt_raise(struct interrupt_queue *queue, struct interrupt *interrupt)
{
	if (ERR_peek_error() != 0) {
		ERR_clear_error();
		atomic_store(&queue_left, true);
	}
	__real_interrupt_raise(queue, interrupt);
}

bool faults_queue_was_left(void)
{
	bool mine = ERR_peek_error() != 0;

	ERR_clear_error();
	return atomic_exchange(&queue_left, false) || mine;
}

/* --- arming ------------------------------------------------------------------------------------
 */

void fault_arm(enum fault_layer layer, unsigned nth, bool lasting)
{
	*found = '\0';
	layer_in_use = layer;
	wanted = nth;
	lasts = lasting;
	atomic_store(&counted, 0);
	atomic_store(&armed, true);
}

bool fault_disarm(void)
{
	atomic_store(&armed, false);
	return atomic_load(&counted) >= wanted;
}

const char *fault_name(void)
{
	return names[atomic_load(&last_call)];
}

/* --- what was tried ----------------------------------------------------------------------------
 */

static bool was_made_to_fail(enum call call)
{
	for (size_t i = 0; i < site_count; i++) {
		if (sites[i].call == call && sites[i].failed)
			return true;
	}
	return false;
}

bool faults_report(void)
{
	size_t failed = 0, calls = 0;

	for (size_t i = 0; i < site_count; i++)
		failed += sites[i].failed;
	for (unsigned call = 0; call < CALLS; call++) {
		bool has_failed = was_made_to_fail((enum call)call);

		calls += has_failed;
		if (!has_failed)
			printf("# never made to fail: %s\n", names[call]);
	}
	printf("# %zu of %u calls were made to fail, at %zu of the %zu places that made them\n",
	       calls, CALLS, failed, site_count);
	return calls == CALLS;
}

void faults_list_sites(void)
{
	extern const char __executable_start[];

	for (size_t i = 0; i < site_count; i++) {
		if (sites[i].failed)
			printf("site %zx %s\n",
			       (size_t)((const char *)sites[i].place - __executable_start),
			       names[sites[i].call]);
	}
}
