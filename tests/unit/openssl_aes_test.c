/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES of the OpenSSL backend in one start: results, each compared with nettle's, and the rules
 * about unverified plaintext. Streams: openssl_stream_test.c.
 */
#include <nettle/cbc.h>
#include <nettle/ccm.h>
#include <nettle/ctr.h>
#include <nettle/nettle-meta.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#undef AES_BLOCK_SIZE /* nettle/aes.h has one, too */

#include "tests/suite.h"
#include "tests/unit/openssl_machine.h"

#define LONG_MESSAGE (1024u * 1024 + 17) /* more than the scratch */
#define UNTOUCHED 0xa5

static const size_t lengths[] = {0, 1, 15, 16, 17, 255, 4096, 4097, 65537, 300000};
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static const size_t key_sizes[] = {16, 24, 32};
static const enum aes_mode aead_modes[] = {AES_GCM, AES_CCM};
static const uint8_t some_aad[70000] = {1, 2, 3, 4, 5}; /* CCM: some lengths have six bytes */

/* Four ways for a client to hold its data. */
static const struct manners all_manners[] = {
	{0},
	{.most = 1009},
	{.lends_input = true},
	{.lends_output = true},
	{.lends_input = true, .lends_output = true},
	{.lends_input = true, .lends_output = true, .lend_most = 5003},
};
#define MANNERS (sizeof(all_manners) / sizeof(all_manners[0]))

/* --- the reference -----------------------------------------------------------------------------
 */

/* Room for any of nettle's contexts. */
union reference_context {
	uint64_t align;
	uint8_t bytes[8192];
};

static const struct nettle_cipher *nettle_aes(size_t key_size)
{
	static const struct nettle_cipher *const ciphers[] = {&nettle_aes128, &nettle_aes192,
							      &nettle_aes256};

	return ciphers[key_size / 8 - 2];
}

static void reference_ctr(const struct aes_test_client *c, size_t key_size, uint8_t *output)
{
	const struct nettle_cipher *cipher = nettle_aes(key_size);
	union reference_context context;
	uint8_t ctr[AES_BLOCK_SIZE];

	memcpy(ctr, c->ctr, sizeof(ctr));
	cipher->set_encrypt_key(&context, c->key);
	ctr_crypt(&context, cipher->encrypt, AES_BLOCK_SIZE, ctr, c->length, output, c->input);
}

/* Encrypts c->input to output. */
static void reference_gcm(const struct aes_test_client *c, size_t key_size, uint8_t *output,
			  uint8_t tag[AES_TAG_SIZE])
{
	static const struct nettle_aead *const aeads[] = {&nettle_gcm_aes128, &nettle_gcm_aes192,
							  &nettle_gcm_aes256};
	const struct nettle_aead *aead = aeads[key_size / 8 - 2];
	union reference_context context;

	CU_ASSERT_FATAL(aead->context_size <= sizeof(context));
	aead->set_encrypt_key(&context, c->key);
	aead->set_nonce(&context, c->iv);
	if (c->aad_length > 0)
		aead->update(&context, c->aad_length, c->aad);
	aead->encrypt(&context, c->length, output, c->input);
	aead->digest(&context, AES_TAG_SIZE, tag);
}

static void reference_blocks(const struct aes_test_client *c, const struct aes_request *request,
			     uint8_t *output)
{
	const struct nettle_cipher *cipher = nettle_aes(request->key_size);
	union reference_context context;
	uint8_t iv[AES_BLOCK_SIZE];

	memcpy(iv, c->iv, sizeof(iv));
	cipher->set_encrypt_key(&context, c->key);
	if (request->mode == AES_ECB)
		cipher->encrypt(&context, c->length, output, c->input);
	else
		cbc_encrypt(&context, cipher->encrypt, AES_BLOCK_SIZE, iv, c->length, output,
			    c->input);
}

static void reference_ccm(const struct aes_test_client *c, const struct aes_request *request,
			  uint8_t *output, uint8_t tag[AES_TAG_SIZE])
{
	const struct nettle_cipher *cipher = nettle_aes(request->key_size);
	uint8_t *sealed = malloc(c->length + request->tag_size);
	union reference_context context;

	cipher->set_encrypt_key(&context, c->key);
	ccm_encrypt_message(&context, cipher->encrypt, request->iv_size, c->iv, c->aad_length,
			    c->aad, request->tag_size, c->length + request->tag_size, sealed,
			    c->input);
	memcpy(output, sealed, c->length);
	memcpy(tag, sealed + c->length, request->tag_size);
	free(sealed);
}

/* --- a message ---------------------------------------------------------------------------------
 */

struct message {
	struct aes_test_client client;
	struct aes_request request;
	uint8_t *plain;
	uint8_t *cipher; /* the reference's */
	uint8_t *output; /* what the engine makes */
	uint8_t tag[AES_TAG_SIZE];
};

static void reference(struct message *m)
{
	switch (m->request.mode) {
	case AES_CTR:
		reference_ctr(&m->client, m->request.key_size, m->cipher);
		break;
	case AES_GCM:
		reference_gcm(&m->client, m->request.key_size, m->cipher, m->tag);
		break;
	case AES_CCM:
		reference_ccm(&m->client, &m->request, m->cipher, m->tag);
		break;
	default:
		reference_blocks(&m->client, &m->request, m->cipher);
		break;
	}
}

static void message_make(struct message *m, enum aes_mode mode, size_t key_size, size_t length)
{
	memset(m, 0, sizeof(*m));
	m->plain = malloc(length + 1);
	m->cipher = malloc(length + 1);
	m->output = malloc(length + 1);
	fill(m->plain, length, 7);
	memset(m->output, UNTOUCHED, length + 1);
	fill(m->client.key, sizeof(m->client.key), 8);
	fill(m->client.iv, sizeof(m->client.iv), 9);
	fill(m->client.ctr, sizeof(m->client.ctr), 10);
	m->client.input = m->plain;
	m->client.output = m->output;
	m->client.length = length;
	m->client.aad = some_aad;
	m->request = (struct aes_request){
		.mode = mode,
		.direction = AES_ENCRYPT,
		.phase = HIL_ONE_SHOT,
		.key_size = key_size,
		.iv_size = mode == AES_CBC     ? AES_BLOCK_SIZE
			   : aes_is_aead(mode) ? 12
					       : 0,
		.tag_size = aes_is_aead(mode) ? AES_TAG_SIZE : 0,
		.ctr_bits = mode == AES_CTR ? 128 : 0,
		.length = length,
	};
	reference(m);
}

static void message_add_aad(struct message *m, size_t aad_length)
{
	m->client.aad_length = m->request.aad_length = aad_length;
	reference(m);
}

/* Now the client has ciphertext and tag. */
static void message_turn(struct message *m)
{
	m->request.direction = AES_DECRYPT;
	m->client.input = m->cipher;
	memcpy(m->client.tag, m->tag, AES_TAG_SIZE);
	memset(m->output, UNTOUCHED, m->client.length + 1);
}

static bool is_untouched(const struct message *m)
{
	for (size_t i = 0; i <= m->client.length; i++) {
		if (m->output[i] != UNTOUCHED)
			return false;
	}
	return true;
}

static bool is_output(const struct message *m, const uint8_t *expected)
{
	return memcmp(m->output, expected, m->client.length) == 0 &&
	       m->output[m->client.length] == UNTOUCHED;
}

static void message_free(struct message *m)
{
	free(m->plain);
	free(m->cipher);
	free(m->output);
}

/* --- results -----------------------------------------------------------------------------------
 */

static void check_encrypt(struct machine *machine, struct message *m)
{
	CU_ASSERT_EQUAL(aes_test_run(machine, &m->client, &m->request), 0);
	CU_ASSERT(is_output(m, m->cipher));
	if (aes_is_aead(m->request.mode)) {
		CU_ASSERT_EQUAL(m->client.tags, 1);
		CU_ASSERT_EQUAL(memcmp(m->client.tag, m->tag, m->request.tag_size), 0);
	}
}

static void check_decrypt(struct machine *machine, struct message *m)
{
	message_turn(m);
	CU_ASSERT_EQUAL(aes_test_run(machine, &m->client, &m->request), 0);
	CU_ASSERT(is_output(m, m->plain));
	CU_ASSERT_EQUAL(m->client.tags, 0);
}

/* Every length and key size in every execution, there and back. */
static void check_mode(enum aes_mode mode, const struct manners *manners)
{
	bool has_blocks = mode == AES_ECB || mode == AES_CBC;
	struct machine machine;

	for (size_t e = 0; e < EXECUTIONS; e++) {
		machine_open(&machine, &executions[e], NULL);
		for (size_t i = 0; i < LENGTHS; i++) {
			size_t length = has_blocks ? lengths[i] / 16 * 16 : lengths[i];
			struct message m;

			message_make(&m, mode, key_sizes[i % 3], length);
			m.client.manners = *manners;
			check_encrypt(&machine, &m);
			check_decrypt(&machine, &m);
			message_free(&m);
		}
		machine_close(&machine);
	}
}

static void test_ctr_agrees_with_nettle_however_the_client_holds_its_data(void)
{
	for (size_t i = 0; i < MANNERS; i++)
		check_mode(AES_CTR, &all_manners[i]);
}

static void test_gcm_agrees_with_nettle_however_the_client_holds_its_data(void)
{
	for (size_t i = 0; i < MANNERS; i++)
		check_mode(AES_GCM, &all_manners[i]);
}

static void test_ecb_agrees_with_nettle_however_the_client_holds_its_data(void)
{
	for (size_t i = 0; i < MANNERS; i++)
		check_mode(AES_ECB, &all_manners[i]);
}

static void test_cbc_agrees_with_nettle_however_the_client_holds_its_data(void)
{
	for (size_t i = 0; i < MANNERS; i++)
		check_mode(AES_CBC, &all_manners[i]);
}

static void test_ccm_agrees_with_nettle_however_the_client_holds_its_data(void)
{
	for (size_t i = 0; i < MANNERS; i++)
		check_mode(AES_CCM, &all_manners[i]);
}

/* A nonce of 13 bytes leaves two for the length. */
static void test_ccm_takes_the_longest_message_of_its_nonce(void)
{
	struct machine machine;
	struct message m;

	machine_open(&machine, &executions[0], NULL);
	message_make(&m, AES_CCM, 16, 65535);
	m.request.iv_size = 13;
	m.request.tag_size = 4;
	reference(&m);
	check_encrypt(&machine, &m);
	check_decrypt(&machine, &m);
	m.request.length = 65536;
	CU_ASSERT_EQUAL(aes_test_run(&machine, &m.client, &m.request), -PLUTON_ESIZE);
	message_free(&m);
	machine_close(&machine);
}

static void test_all_key_sizes_agree_with_nettle(void)
{
	static const enum aes_mode modes[] = {AES_CTR, AES_GCM, AES_ECB, AES_CBC, AES_CCM};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	for (size_t i = 0; i < 15; i++) {
		struct message m;

		message_make(&m, modes[i % 5], key_sizes[i / 5], 1008);
		check_encrypt(&machine, &m);
		check_decrypt(&machine, &m);
		message_free(&m);
	}
	machine_close(&machine);
}

static void test_aad_of_any_length_is_authenticated(void)
{
	static const size_t aad_lengths[] = {1, 16, 17, 0xfeff, 0xff00, sizeof(some_aad)};
	struct machine machine;

	for (size_t e = 0; e < 2 * EXECUTIONS; e++) {
		machine_open(&machine, &executions[e / 2], NULL);
		for (size_t i = 0; i < sizeof(aad_lengths) / sizeof(aad_lengths[0]); i++) {
			struct message m;

			message_make(&m, aead_modes[e % 2], 32, i % 2 ? 0 : 100);
			m.client.manners.most = i > 2 ? 1000 : 0;
			message_add_aad(&m, aad_lengths[i]);
			check_encrypt(&machine, &m);
			check_decrypt(&machine, &m);
			message_free(&m);
		}
		machine_close(&machine);
	}
}

static void test_input_and_output_may_be_the_same_memory(void)
{
	static const enum aes_mode modes[] = {AES_GCM, AES_CCM, AES_ECB, AES_CBC};
	struct machine machine;

	for (size_t e = 0; e < 4 * EXECUTIONS; e++) {
		struct message m;

		machine_open(&machine, &executions[e / 4], NULL);
		message_make(&m, modes[e % 4], 32, 100000);
		m.client.manners = all_manners[4];
		memcpy(m.output, m.plain, m.client.length);
		m.client.input = m.output;
		check_encrypt(&machine, &m);
		m.request.direction = AES_DECRYPT;
		CU_ASSERT_EQUAL(aes_test_run(&machine, &m.client, &m.request), 0);
		CU_ASSERT(is_output(&m, m.plain));
		message_free(&m);
		machine_close(&machine);
	}
}

static void test_the_engine_makes_ivs_that_differ_and_pushes_them(void)
{
	struct machine machine;
	struct message m;
	uint8_t first[AES_GCM_IV_SIZE];

	machine_open(&machine, &executions[0], NULL);
	message_make(&m, AES_GCM, 16, 100);
	m.request.engine_iv = true;
	CU_ASSERT_EQUAL(aes_test_run(&machine, &m.client, &m.request), 0);
	memcpy(first, m.client.iv, sizeof(first));
	reference_gcm(&m.client, 16, m.cipher, m.tag);
	CU_ASSERT(is_output(&m, m.cipher));
	CU_ASSERT_EQUAL(memcmp(m.client.tag, m.tag, AES_TAG_SIZE), 0);
	CU_ASSERT_EQUAL(aes_test_run(&machine, &m.client, &m.request), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(m.client.iv, first, sizeof(first)), 0);
	message_free(&m);
	machine_close(&machine);
}

/* --- verification ------------------------------------------------------------------------------
 */

static void check_refused(struct machine *machine, struct message *m)
{
	message_turn(m);
	CU_ASSERT_EQUAL(aes_test_run(machine, &m->client, &m->request), 0);
	for (size_t byte = 0; byte < AES_TAG_SIZE; byte += 5) {
		message_turn(m);
		m->client.tag[byte] ^= 0x10;
		CU_ASSERT_EQUAL(aes_test_run(machine, &m->client, &m->request), -PLUTON_EINVAL);
		CU_ASSERT(is_untouched(m));
		CU_ASSERT_EQUAL(m->client.outcome.pushed, 0);
	}
	if (m->client.length == 0)
		return;
	message_turn(m);
	m->cipher[m->client.length - 1] ^= 1;
	CU_ASSERT_EQUAL(aes_test_run(machine, &m->client, &m->request), -PLUTON_EINVAL);
	CU_ASSERT(is_untouched(m));
}

static void check_bad_tags(size_t length, bool sealed, const struct manners *manners)
{
	struct machine machine;

	for (size_t e = 0; e < 2 * EXECUTIONS; e++) {
		struct message m;

		machine_open(&machine, &executions[e / 2], NULL);
		message_make(&m, aead_modes[e % 2], 32, length);
		m.client.manners = *manners;
		m.request.input_sealed = sealed;
		check_refused(&machine, &m);
		message_free(&m);
		machine_close(&machine);
	}
}

static void test_a_bad_tag_is_inval_and_the_output_is_untouched(void)
{
	for (size_t i = 0; i < MANNERS; i++)
		check_bad_tags(100000, false, &all_manners[i]);
}

static void test_a_bad_tag_on_an_empty_message_is_inval(void)
{
	check_bad_tags(0, false, &all_manners[0]);
}

static void test_a_bad_tag_on_long_sealed_input_is_inval_and_the_output_is_untouched(void)
{
	check_bad_tags(LONG_MESSAGE, true, &all_manners[2]);
	check_bad_tags(LONG_MESSAGE, true, &all_manners[4]);
}

static void test_long_sealed_input_is_decrypted_in_two_passes(void)
{
	static const size_t which[] = {2, 4};
	struct machine machine;

	for (size_t e = 0; e < 2 * EXECUTIONS; e++) {
		machine_open(&machine, &executions[e / 2], NULL);
		for (size_t i = 0; i < 2; i++) {
			struct message m;

			message_make(&m, aead_modes[e % 2], 32, LONG_MESSAGE);
			m.client.manners = all_manners[which[i]];
			m.request.input_sealed = true;
			check_decrypt(&machine, &m);
			message_free(&m);
		}
		machine_close(&machine);
	}
}

/* One byte more than the scratch holds. */
static void check_too_long(enum aes_mode mode, const struct manners *manners, bool sealed,
			   unsigned callbacks)
{
	struct machine machine;
	struct message m;

	machine_open(&machine, &executions[0], NULL);
	message_make(&m, mode, 32, MACHINE_SCRATCH + 1);
	m.client.manners = *manners;
	m.request.input_sealed = sealed;
	message_turn(&m);
	CU_ASSERT_EQUAL(aes_test_run(&machine, &m.client, &m.request), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(m.client.outcome.callbacks, callbacks);
	CU_ASSERT(is_untouched(&m));
	message_free(&m);
	machine_close(&machine);
}

static void test_input_over_the_scratch_that_is_not_sealed_is_refused_in_start(void)
{
	check_too_long(AES_GCM, &all_manners[4], false, 0);
	check_too_long(AES_CCM, &all_manners[4], false, 0);
}

static void test_sealed_input_over_the_scratch_that_is_not_lent_ends_with_size(void)
{
	check_too_long(AES_GCM, &all_manners[0], true, 3); /* key, iv, tag */
	check_too_long(AES_CCM, &all_manners[0], true, 3);
}

static void test_sealed_input_over_the_scratch_that_is_lent_in_part_ends_with_size(void)
{
	check_too_long(AES_GCM, &all_manners[5], true, 4); /* key, iv, tag, the first loan */
	check_too_long(AES_CCM, &all_manners[5], true, 4);
}

static void test_input_of_exactly_the_scratch_needs_no_seal(void)
{
	struct machine machine;

	for (size_t e = 0; e < 2 * EXECUTIONS; e++) {
		struct message m;

		machine_open(&machine, &executions[e / 2], NULL);
		message_make(&m, aead_modes[e % 2], 32, MACHINE_SCRATCH);
		m.client.manners = all_manners[e / 2 % 2 ? 4 : 0];
		check_decrypt(&machine, &m);
		message_free(&m);
		machine_close(&machine);
	}
}

/* --- a hostile client --------------------------------------------------------------------------
 */

struct flip {
	struct message *message;
	unsigned at;
};

/* Changes every byte of the ciphertext, from one callback on. */
static void flip_input(void *context, unsigned n)
{
	struct flip *flip = context;

	if (n != flip->at)
		return;
	for (size_t i = 0; i < flip->message->client.length; i++)
		flip->message->cipher[i] ^= 0xff;
}

/*
 * The client changes its lent input at the k-th callback, for every k: what comes out is the
 * plaintext or nothing.
 */
static void test_input_that_changes_at_any_callback_gives_the_plaintext_or_nothing(void)
{
	struct machine machine;
	unsigned good = 0, bad = 0;

	for (size_t e = 0; e < 2 * EXECUTIONS; e++) {
		machine_open(&machine, &executions[e / 2], NULL);
		for (unsigned k = 1; k <= 6; k++) {
			struct message m;
			struct flip flip = {&m, k};
			int r;

			message_make(&m, aead_modes[e % 2], 32, 50000);
			m.client.manners = all_manners[k % 2 ? 4 : 2];
			m.client.manners.before = flip_input;
			m.client.manners.context = &flip;
			message_turn(&m);
			r = aes_test_run(&machine, &m.client, &m.request);
			if (r == 0) {
				good++;
				CU_ASSERT(is_output(&m, m.plain));
			} else {
				bad++;
				CU_ASSERT_EQUAL(r, -PLUTON_EINVAL);
				CU_ASSERT(is_untouched(&m));
			}
			message_free(&m);
		}
		machine_close(&machine);
	}
	CU_ASSERT(good > 0);
	CU_ASSERT(bad > 0);
}

struct flipper {
	volatile uint8_t *byte;
	atomic_bool stop;
};

/* The race is the point, so ThreadSanitizer does not look here. */
__attribute__((no_sanitize("thread"))) static void *keep_flipping(void *argument)
{
	struct flipper *flipper = argument;

	while (!atomic_load(&flipper->stop))
		*flipper->byte = *flipper->byte ^ 1;
	return NULL;
}

static void flip_while_decrypting(enum aes_mode mode)
{
	struct flipper flipper;
	struct machine machine;
	struct message m;
	pthread_t thread;

	machine_open(&machine, &executions[3], NULL);
	message_make(&m, mode, 32, 200000);
	m.client.manners = all_manners[4];
	message_turn(&m);
	flipper.byte = &m.cipher[150000];
	atomic_init(&flipper.stop, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, keep_flipping, &flipper), 0);
	for (unsigned i = 0; i < 200; i++) {
		int r;

		memset(m.output, UNTOUCHED, m.client.length + 1);
		r = aes_test_run(&machine, &m.client, &m.request);
		CU_ASSERT(r == 0 ? is_output(&m, m.plain)
				 : r == -PLUTON_EINVAL && is_untouched(&m));
	}
	atomic_store(&flipper.stop, true);
	pthread_join(thread, NULL);
	message_free(&m);
	machine_close(&machine);
}

static void test_a_thread_that_flips_a_byte_never_gets_unverified_plaintext(void)
{
	flip_while_decrypting(AES_GCM);
	flip_while_decrypting(AES_CCM);
}

/*
 * The same thread beside an encryption in CCM, which looks at the plaintext twice: ciphertext and
 * tag are those of the message with the byte as it was or as it came to be.
 */
static void test_a_thread_that_flips_a_byte_gets_the_tag_of_what_was_encrypted(void)
{
	struct message before, after;
	struct flipper flipper;
	struct machine machine;
	pthread_t thread;

	machine_open(&machine, &executions[3], NULL);
	message_make(&before, AES_CCM, 32, 200000);
	message_make(&after, AES_CCM, 32, 200000);
	after.plain[150000] ^= 1;
	reference(&after);
	before.client.manners = all_manners[4];
	flipper.byte = &before.plain[150000];
	atomic_init(&flipper.stop, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, keep_flipping, &flipper), 0);
	for (unsigned i = 0; i < 100; i++) {
		const struct message *is = &before;

		CU_ASSERT_EQUAL(aes_test_run(&machine, &before.client, &before.request), 0);
		if (!is_output(&before, before.cipher))
			is = &after;
		CU_ASSERT(is_output(&before, is->cipher));
		CU_ASSERT_EQUAL(memcmp(before.client.tag, is->tag, AES_TAG_SIZE), 0);
	}
	atomic_store(&flipper.stop, true);
	pthread_join(thread, NULL);
	message_free(&before);
	message_free(&after);
	machine_close(&machine);
}

/*
 * Only the page that is being read can be read; each is changed as soon as the next one is. Whoever
 * comes back to a page is seen, and gets something else.
 */
#define PAGE 4096u
#define PAGES 10u

static struct {
	uint8_t *memory;
	uint8_t *alias; /* the same, always writable */
	size_t now;	/* PAGES: none yet */
	unsigned visits[PAGES];
} watched;

static void visit(int number, siginfo_t *info, void *context)
{
	size_t page = (size_t)((uint8_t *)info->si_addr - watched.memory) / PAGE;

	(void)context;
	if ((uint8_t *)info->si_addr < watched.memory || page >= PAGES) {
		signal(number, SIG_DFL); /* no watched page: a fault like any other */
		return;
	}
	if (watched.now < PAGES) {
		mprotect(watched.memory + watched.now * PAGE, PAGE, PROT_NONE);
		watched.alias[watched.now * PAGE + 7] ^= 1;
	}
	watched.now = page;
	watched.visits[page]++;
	mprotect(watched.memory + page * PAGE, PAGE, PROT_READ);
}

static void watch(const uint8_t *bytes)
{
	const int shared = MAP_SHARED;
	int fd = memfd_create("watched", MFD_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, PAGES * PAGE), 0);
	watched.memory = mmap(NULL, PAGES * PAGE, PROT_NONE, shared, fd, 0);
	watched.alias = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, shared, fd, 0);
	CU_ASSERT_FATAL(watched.memory != MAP_FAILED && watched.alias != MAP_FAILED);
	close(fd);
	memcpy(watched.alias, bytes, PAGES * PAGE);
	memset(watched.visits, 0, sizeof(watched.visits));
	watched.now = PAGES;
}

static void unwatch(void)
{
	munmap(watched.memory, PAGES * PAGE);
	munmap(watched.alias, PAGES * PAGE);
}

static void check_single_read(struct machine *machine, enum aes_mode mode,
			      enum aes_direction direction)
{
	struct message m;

	message_make(&m, mode, 32, PAGES * PAGE);
	if (direction == AES_DECRYPT)
		message_turn(&m);
	m.client.manners = all_manners[4];
	watch(m.client.input);
	m.client.input = watched.memory;
	CU_ASSERT_EQUAL(aes_test_run(machine, &m.client, &m.request), 0);
	CU_ASSERT(is_output(&m, direction == AES_ENCRYPT ? m.cipher : m.plain));
	if (direction == AES_ENCRYPT && aes_is_aead(mode))
		CU_ASSERT_EQUAL(memcmp(m.client.tag, m.tag, AES_TAG_SIZE), 0);
	for (size_t i = 0; i < PAGES; i++)
		CU_ASSERT_EQUAL(watched.visits[i], 1);
	unwatch();
	message_free(&m);
}

static void test_no_page_of_lent_input_is_read_again(void)
{
	struct sigaction action = {.sa_sigaction = visit, .sa_flags = SA_SIGINFO}, before;
	struct machine machine;

	machine_open(&machine, &executions[1], NULL); /* inline: pieces are pages */
	sigaction(SIGSEGV, &action, &before);
	check_single_read(&machine, AES_ECB, AES_ENCRYPT);
	check_single_read(&machine, AES_ECB, AES_DECRYPT);
	check_single_read(&machine, AES_CBC, AES_ENCRYPT);
	check_single_read(&machine, AES_CBC, AES_DECRYPT);
	check_single_read(&machine, AES_CCM, AES_ENCRYPT);
	check_single_read(&machine, AES_CCM, AES_DECRYPT);
	check_single_read(&machine, AES_GCM, AES_DECRYPT);
	sigaction(SIGSEGV, &before, NULL);
	machine_close(&machine);
}

/* --- CTR: the counter --------------------------------------------------------------------------
 */

static int run_ctr(struct machine *machine, struct message *m, unsigned bits,
		   const uint8_t ctr[AES_BLOCK_SIZE])
{
	m->request.ctr_bits = bits;
	memcpy(m->client.ctr, ctr, AES_BLOCK_SIZE);
	reference_ctr(&m->client, m->request.key_size, m->cipher);
	return aes_test_run(machine, &m->client, &m->request);
}

static const uint8_t three_left_of_32[16] = {
	[0] = 1, [12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xfd};
static const uint8_t three_left_of_128[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd};

static void check_counter_end(unsigned bits, const uint8_t ctr[AES_BLOCK_SIZE])
{
	struct machine machine;
	struct message m;

	machine_open(&machine, &executions[0], NULL);
	message_make(&m, AES_CTR, 32, 48);
	CU_ASSERT_EQUAL(run_ctr(&machine, &m, bits, ctr), 0);
	CU_ASSERT(is_output(&m, m.cipher));
	message_free(&m);
	message_make(&m, AES_CTR, 32, 49);
	CU_ASSERT_EQUAL(run_ctr(&machine, &m, bits, ctr), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(m.client.outcome.callbacks, 2); /* key and counter */
	CU_ASSERT(is_untouched(&m));
	message_free(&m);
	machine_close(&machine);
}

static void test_a_32_bit_counter_ends_with_the_block_of_all_ones(void)
{
	check_counter_end(32, three_left_of_32);
}

static void test_a_128_bit_counter_ends_with_the_block_of_all_ones(void)
{
	check_counter_end(128, three_left_of_128);
}

static void test_a_128_bit_counter_carries_over_its_low_bits(void)
{
	static const uint8_t ctr[16] = {
		[7] = 1,     [8] = 0xff,  [9] = 0xff,  [10] = 0xff, [11] = 0xff,
		[12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xfd};
	struct machine machine;
	struct message m;

	machine_open(&machine, &executions[0], NULL);
	message_make(&m, AES_CTR, 16, 1000);
	CU_ASSERT_EQUAL(run_ctr(&machine, &m, 128, ctr), 0);
	CU_ASSERT(is_output(&m, m.cipher));
	message_free(&m);
	machine_close(&machine);
}

/* --- refusals, errors, cancel ------------------------------------------------------------------
 */

static void check_start(int expected, const struct aes_request *request)
{
	struct aes_test_client client = {0};
	struct machine machine;

	machine_open(&machine, &executions[0], NULL);
	CU_ASSERT_EQUAL(aes_test_run(&machine, &client, request), expected);
	CU_ASSERT_EQUAL(client.outcome.callbacks, 0);
	machine_close(&machine);
}

static void test_what_caps_do_not_offer_is_nosupport(void)
{
	struct aes_request good = {
		.mode = AES_GCM,
		.direction = AES_ENCRYPT,
		.phase = HIL_ONE_SHOT,
		.key_size = 16,
		.iv_size = 12,
		.tag_size = AES_TAG_SIZE,
	};
	struct aes_request request = good;

	request.mode = AES_CCM;
	request.phase = HIL_FIRST;
	check_start(-PLUTON_ENOSUPPORT, &request);
	request = good;
	request.key.kind = HIL_KEY_SLOT;
	check_start(-PLUTON_ENOSUPPORT, &request);
	request = good;
	request.direction = AES_DECRYPT;
	request.phase = HIL_FIRST;
	check_start(-PLUTON_ENOSUPPORT, &request);
}

static void test_wrong_sizes_are_refused_in_start(void)
{
	struct aes_request good = {
		.mode = AES_CTR,
		.direction = AES_ENCRYPT,
		.phase = HIL_ONE_SHOT,
		.key_size = 16,
		.ctr_bits = 128,
	};
	struct aes_request request = good;

	request.ctr_bits = 64;
	check_start(-PLUTON_ESIZE, &request);
	request = good;
	request.key_size = 17;
	check_start(-PLUTON_ESIZE, &request);
	request = good;
	request.length = ((size_t)1 << 30) + 1;
	check_start(-PLUTON_ESIZE, &request);
	request = good;
	request.mode = AES_GCM;
	request.tag_size = AES_TAG_SIZE;
	request.iv_size = 16;
	check_start(-PLUTON_ESIZE, &request);
}

/* The n-th callback fails, for every n: done reports it and nothing follows. */
static void check_failures(enum aes_direction direction, const struct manners *manners)
{
	struct machine machine;
	bool all_good = false;

	machine_open(&machine, &executions[2], NULL);
	for (unsigned n = 1; !all_good; n++) {
		struct message m;
		int r;

		message_make(&m, AES_GCM, 32, 5000);
		message_add_aad(&m, 100);
		if (direction == AES_DECRYPT)
			message_turn(&m);
		m.client.manners = *manners;
		m.client.manners.fail_at = n;
		m.client.manners.failure = -PLUTON_ENOACK;
		r = aes_test_run(&machine, &m.client, &m.request);
		all_good = m.client.outcome.callbacks < n;
		CU_ASSERT_EQUAL(r, all_good ? 0 : -PLUTON_ENOACK);
		CU_ASSERT(all_good || m.client.outcome.callbacks == n);
		message_free(&m);
	}
	machine_close(&machine);
}

static void test_each_failing_callback_is_what_done_reports(void)
{
	check_failures(AES_ENCRYPT, &all_manners[0]);
	check_failures(AES_ENCRYPT, &all_manners[1]);
	check_failures(AES_DECRYPT, &all_manners[0]);
	check_failures(AES_DECRYPT, &all_manners[1]);
}

static void check_counts(enum aes_direction direction, unsigned n, int none)
{
	struct machine machine;
	struct message m;

	machine_open(&machine, &executions[0], NULL);
	message_make(&m, AES_GCM, 32, 100);
	if (direction == AES_DECRYPT)
		message_turn(&m);
	m.client.manners = (struct manners){.fail_at = n, .overlong = true, .failure = none};
	CU_ASSERT_EQUAL(aes_test_run(&machine, &m.client, &m.request), -PLUTON_ESIZE);
	CU_ASSERT_EQUAL(m.client.outcome.callbacks, n);
	message_free(&m);
	machine_close(&machine);
}

static void test_a_pull_or_push_that_moves_none_or_too_much_ends_with_size(void)
{
	for (int none = -1; none <= 0; none++) {
		check_counts(AES_ENCRYPT, 3, none); /* key, iv, pull */
		check_counts(AES_ENCRYPT, 4, none); /* push */
		check_counts(AES_DECRYPT, 4, none); /* key, iv, tag, pull */
		check_counts(AES_DECRYPT, 5, none); /* push */
	}
}

/* Cancels after each number of turns of the loop until one gets through. */
static void check_cancel(const struct openssl_options *options, enum aes_direction direction,
			 const struct manners *manners)
{
	struct machine machine;
	bool got_through = false;

	machine_open(&machine, options, NULL);
	for (unsigned turns = 0; !got_through; turns++) {
		struct aes_engine *engine = machine_aes(&machine);
		struct message m;

		message_make(&m, AES_GCM, 32, 20000);
		if (direction == AES_DECRYPT)
			message_turn(&m);
		m.client.manners = *manners;
		aes_test_client_arm(&m.client);
		CU_ASSERT_EQUAL(engine->ops->start(engine, &m.request, &m.client.client), 0);
		for (unsigned i = 0; i < turns && m.client.outcome.done == 0; i++)
			machine_step(&machine);
		got_through = m.client.outcome.done > 0;
		CU_ASSERT_EQUAL(engine->ops->cancel(engine, &m.client.client),
				got_through ? -PLUTON_EINVAL : 0);
		machine_run(&machine, &m.client.outcome.done);
		CU_ASSERT_EQUAL(m.client.outcome.result, got_through ? 0 : -PLUTON_ECANCEL);
		message_free(&m);
	}
	machine_close(&machine);
}

static void test_cancel_at_any_turn_leads_to_one_done(void)
{
	for (size_t e = 0; e < EXECUTIONS; e++) {
		check_cancel(&executions[e], AES_ENCRYPT, &all_manners[0]);
		check_cancel(&executions[e], AES_DECRYPT, &all_manners[0]);
		check_cancel(&executions[e], AES_ENCRYPT, &all_manners[4]);
		check_cancel(&executions[e], AES_DECRYPT, &all_manners[4]);
	}
}

struct canceller {
	struct machine *machine;
	struct message *message;
	unsigned at;
};

static void cancel_now(void *context, unsigned n)
{
	struct canceller *canceller = context;
	struct aes_engine *engine =
		(struct aes_engine *)(void *)canceller->machine->instance->engines[HIL_AES];

	if (n == canceller->at)
		CU_ASSERT_EQUAL(engine->ops->cancel(engine, &canceller->message->client.client), 0);
}

static void test_cancel_from_inside_a_callback_leads_to_one_done(void)
{
	struct machine machine;

	machine_open(&machine, &executions[2], NULL);
	for (unsigned n = 1; n < 6; n++) {
		struct aes_engine *engine =
			(struct aes_engine *)(void *)machine.instance->engines[HIL_AES];
		struct message m;
		struct canceller canceller = {&machine, &m, n};

		message_make(&m, AES_GCM, 32, 5000);
		m.client.manners.before = cancel_now;
		m.client.manners.context = &canceller;
		aes_test_client_arm(&m.client);
		CU_ASSERT_EQUAL(engine->ops->start(engine, &m.request, &m.client.client), 0);
		machine_run(&machine, &m.client.outcome.done);
		CU_ASSERT_EQUAL(m.client.outcome.result, -PLUTON_ECANCEL);
		CU_ASSERT_EQUAL(deferred_queue_run(&machine.deferred, 10), 0);
		CU_ASSERT_EQUAL(m.client.outcome.done, 1);
		message_free(&m);
	}
	machine_close(&machine);
}

/* --- many at once ------------------------------------------------------------------------------
 */

#define CROWD 8u

/* More decryptions than scratches: some wait in line; one is cancelled there. */
static void check_crowd(const struct openssl_options *options, unsigned cancelled)
{
	struct message messages[CROWD];
	struct machine machine;
	struct aes_engine *engine;

	machine_open(&machine, options, NULL);
	engine = machine_aes(&machine);
	for (unsigned i = 0; i < CROWD; i++) {
		message_make(&messages[i], AES_GCM, 32, 30000 + i);
		messages[i].client.manners = all_manners[i % 2 ? 0 : 4];
		message_turn(&messages[i]);
		aes_test_client_arm(&messages[i].client);
		CU_ASSERT_EQUAL(engine->ops->start(engine, &messages[i].request,
						   &messages[i].client.client),
				0);
	}
	for (unsigned i = 0; i < CROWD; i++)
		machine_step(&machine);
	if (cancelled < CROWD && messages[cancelled].client.outcome.done == 0)
		engine->ops->cancel(engine, &messages[cancelled].client.client);
	for (unsigned i = 0; i < CROWD; i++) {
		struct message *m = &messages[i];

		machine_run(&machine, &m->client.outcome.done);
		if (i != cancelled || m->client.outcome.result == 0) {
			CU_ASSERT_EQUAL(m->client.outcome.result, 0);
			CU_ASSERT(is_output(m, m->plain));
		}
		message_free(m);
	}
	machine_close(&machine);
}

static void test_more_decryptions_than_scratches_are_all_served(void)
{
	for (size_t e = 0; e < EXECUTIONS; e++)
		check_crowd(&executions[e], CROWD);
}

static void test_one_that_waits_for_scratch_can_be_cancelled(void)
{
	check_crowd(&executions[2], 3);
	check_crowd(&executions[2], 7);
	check_crowd(&executions[3], 6);
}

static void no_scratch(struct backend_environment *environment)
{
	environment->aead_scratch = 0;
}

static void test_without_scratch_only_empty_or_sealed_messages_are_decrypted(void)
{
	struct machine machine;
	struct message m;

	machine_open(&machine, &executions[0], no_scratch);
	message_make(&m, AES_GCM, 32, 0);
	check_decrypt(&machine, &m);
	message_free(&m);
	message_make(&m, AES_GCM, 32, 100);
	message_turn(&m);
	m.client.manners = all_manners[4];
	CU_ASSERT_EQUAL(aes_test_run(&machine, &m.client, &m.request), -PLUTON_ESIZE);
	m.request.input_sealed = true;
	check_decrypt(&machine, &m);
	message_free(&m);
	machine_close(&machine);
}

static const struct test tests[] = {
	TEST(test_ctr_agrees_with_nettle_however_the_client_holds_its_data),
	TEST(test_gcm_agrees_with_nettle_however_the_client_holds_its_data),
	TEST(test_ecb_agrees_with_nettle_however_the_client_holds_its_data),
	TEST(test_cbc_agrees_with_nettle_however_the_client_holds_its_data),
	TEST(test_ccm_agrees_with_nettle_however_the_client_holds_its_data),
	TEST(test_ccm_takes_the_longest_message_of_its_nonce),
	TEST(test_all_key_sizes_agree_with_nettle),
	TEST(test_aad_of_any_length_is_authenticated),
	TEST(test_input_and_output_may_be_the_same_memory),
	TEST(test_the_engine_makes_ivs_that_differ_and_pushes_them),
	TEST(test_a_bad_tag_is_inval_and_the_output_is_untouched),
	TEST(test_a_bad_tag_on_an_empty_message_is_inval),
	TEST(test_a_bad_tag_on_long_sealed_input_is_inval_and_the_output_is_untouched),
	TEST(test_long_sealed_input_is_decrypted_in_two_passes),
	TEST(test_input_over_the_scratch_that_is_not_sealed_is_refused_in_start),
	TEST(test_sealed_input_over_the_scratch_that_is_not_lent_ends_with_size),
	TEST(test_sealed_input_over_the_scratch_that_is_lent_in_part_ends_with_size),
	TEST(test_input_of_exactly_the_scratch_needs_no_seal),
	TEST(test_input_that_changes_at_any_callback_gives_the_plaintext_or_nothing),
	TEST(test_a_thread_that_flips_a_byte_never_gets_unverified_plaintext),
	TEST(test_a_thread_that_flips_a_byte_gets_the_tag_of_what_was_encrypted),
	TEST(test_no_page_of_lent_input_is_read_again),
	TEST(test_a_32_bit_counter_ends_with_the_block_of_all_ones),
	TEST(test_a_128_bit_counter_ends_with_the_block_of_all_ones),
	TEST(test_a_128_bit_counter_carries_over_its_low_bits),
	TEST(test_what_caps_do_not_offer_is_nosupport),
	TEST(test_wrong_sizes_are_refused_in_start),
	TEST(test_each_failing_callback_is_what_done_reports),
	TEST(test_a_pull_or_push_that_moves_none_or_too_much_ends_with_size),
	TEST(test_cancel_at_any_turn_leads_to_one_done),
	TEST(test_cancel_from_inside_a_callback_leads_to_one_done),
	TEST(test_more_decryptions_than_scratches_are_all_served),
	TEST(test_one_that_waits_for_scratch_can_be_cancelled),
	TEST(test_without_scratch_only_empty_or_sealed_messages_are_decrypted),
};

int main(int argc, char **argv)
{
	return suite_main(argc, argv, "openssl-aes", tests, TESTS_COUNT(tests));
}
