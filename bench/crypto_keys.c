/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elliptic curves and RSA: one operation at a time, each with its key, beside OpenSSL in process
 * with a key object made for each.
 */
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include <pluton/ecc.h>
#include <pluton/rsa.h>

#include "bench/crypto_parts.h"
#include "bench/evp_keys.h"
#include "bench/race.h"

#define COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])
#define INPUT_SIZE 32u

static const unsigned char input[INPUT_SIZE] = "thirty-two bytes that get signed";

static const struct column columns[] = {
	{"", "what", -26, 0},	  {"EVP µs", "evp_us", 10, 1},	  {"pluton µs", "pluton_us", 10, 1},
	{"ratio", "ratio", 6, 3}, {"quiet", "quiet_ratio", 6, 3}, {"calls", "calls", 7, 0},
};

static void race_pair(const struct crypto_bench *bench, const struct table *table, const char *what,
		      void (*in_process)(void *), void (*through_pluton)(void *), void *context)
{
	struct race race = {.count = 2,
			    .samples_per_round = 1,
			    .sample_ns = bench->program->quick ? 0 : 500000,
			    .budget_ns = bench->program->quick ? 1000000 : 500000000,
			    .contestants = {{.run = in_process, .context = context},
					    {.run = through_pluton, .context = context}}};

	race_run(&race);
	TABLE_ROW(table, TEXT(what), NUMBER(race_quantile(&race, 0, 0.5) / 1e3),
		  NUMBER(race_quantile(&race, 1, 0.5) / 1e3), NUMBER(race_ratio(&race, 0, 1)),
		  NUMBER(race_quantile(&race, 0, 0.1) / race_quantile(&race, 1, 0.1)),
		  NUMBER(race.rounds));
	race_free(&race);
}

/* --- curves ------------------------------------------------------------------------------------
 */

struct ecc {
	struct pluton *pluton;
	const char *type, *group;
	struct pluton_ecc_private key;
	struct pluton_ecc_public public, peer;
	unsigned char signature[PLUTON_ECC_SIGNATURE_MAX];
	unsigned char der[160]; /* OpenSSL's own */
	size_t der_size;
	unsigned char secret[PLUTON_ECC_SECRET_MAX];
};

static void ecc_generate_evp(void *context)
{
	struct ecc *ecc = context;

	EVP_PKEY_free(evp_generate(ecc->type, ecc->group, 0));
}

static void ecc_generate(void *context)
{
	struct ecc *ecc = context;
	struct pluton_ecc_private key;
	struct pluton_ecc_public public;

	daemon_expect(pluton_ecc_generate(ecc->pluton, ecc->key.curve, &key, &public), ecc->pluton,
		      "generate");
}

static void ecc_sign_evp(void *context)
{
	struct ecc *ecc = context;

	ecc->der_size = sizeof(ecc->der);
	evp_sign(evp_ecc_private(&ecc->key), 0, input, ecc->der, &ecc->der_size);
}

static void ecc_sign(void *context)
{
	struct ecc *ecc = context;
	const struct pluton_ecc_sign_request request = {.key = &ecc->key,
							.input = input,
							.length = INPUT_SIZE,
							.signature = ecc->signature,
							.signature_size = sizeof(ecc->signature)};

	daemon_expect(pluton_ecc_sign(ecc->pluton, &request), ecc->pluton, "sign");
}

static void ecc_verify_evp(void *context)
{
	struct ecc *ecc = context;

	evp_verify(evp_ecc_public(&ecc->public), 0, input, ecc->der, ecc->der_size);
}

static void ecc_verify(void *context)
{
	struct ecc *ecc = context;
	const struct pluton_ecc_verify_request request = {
		.key = &ecc->public,
		.input = input,
		.length = INPUT_SIZE,
		.signature = ecc->signature,
		.signature_size = pluton_ecc_signature_size(ecc->key.curve)};

	daemon_expect(pluton_ecc_verify(ecc->pluton, &request), ecc->pluton, "verify");
}

static void ecc_agree_evp(void *context)
{
	struct ecc *ecc = context;

	evp_agree(evp_ecc_private(&ecc->key), evp_ecc_public(&ecc->peer), ecc->secret);
}

static void ecc_agree(void *context)
{
	struct ecc *ecc = context;
	const struct pluton_ecc_agree_request request = {.key = &ecc->key,
							 .peer = &ecc->peer,
							 .secret = ecc->secret,
							 .secret_size = sizeof(ecc->secret)};

	daemon_expect(pluton_ecc_agree(ecc->pluton, &request), ecc->pluton, "agree");
}

static void make_keys(struct ecc *ecc, enum pluton_ecc_curve curve)
{
	struct pluton_ecc_private other;

	daemon_expect(pluton_ecc_generate(ecc->pluton, curve, &ecc->key, &ecc->public), ecc->pluton,
		      "generate");
	daemon_expect(pluton_ecc_generate(ecc->pluton, curve, &other, &ecc->peer), ecc->pluton,
		      "generate");
}

static void measure_curve(const struct crypto_bench *bench, const struct table *table,
			  enum pluton_ecc_curve curve, const char *type, const char *group)
{
	struct ecc ecc = {.pluton = daemon_connect(bench->daemon), .type = type, .group = group};
	char what[64];

#define RACE(verb, name)                                                                           \
	(snprintf(what, sizeof(what), "%s %s", pluton_ecc_name(curve), verb),                      \
	 race_pair(bench, table, what, name##_evp, name, &ecc))
	make_keys(&ecc, curve);
	RACE("generate", ecc_generate);
	if (curve != PLUTON_X25519) {
		RACE("sign", ecc_sign);
		RACE("verify", ecc_verify);
	}
	if (curve != PLUTON_ED25519)
		RACE("agree", ecc_agree);
#undef RACE
	pluton_close(ecc.pluton);
}

static void measure_curves(const struct crypto_bench *bench)
{
	struct crypto_table table;

	if (!crypto_begin(bench, &table, "elliptic curves", COLUMNS(columns)))
		return;
	measure_curve(bench, &table.table, PLUTON_P256, "EC", "P-256");
	measure_curve(bench, &table.table, PLUTON_P384, "EC", "P-384");
	measure_curve(bench, &table.table, PLUTON_P521, "EC", "P-521");
	measure_curve(bench, &table.table, PLUTON_ED25519, "ED25519", NULL);
	measure_curve(bench, &table.table, PLUTON_X25519, "X25519", NULL);
}

/* --- RSA ---------------------------------------------------------------------------------------
 */

struct rsa {
	struct pluton *pluton;
	unsigned bits;
	struct pluton_rsa_key key;
	enum pluton_rsa_padding padding;
	int evp_padding;
	unsigned char output[PLUTON_RSA_SIZE_MAX];
	unsigned char by_evp[PLUTON_RSA_SIZE_MAX];
	size_t size;
};

static void rsa_generate_evp(void *context)
{
	struct rsa *rsa = context;

	EVP_PKEY_free(evp_generate("RSA", NULL, rsa->bits));
}

static void rsa_generate(void *context)
{
	struct rsa *rsa = context;

	daemon_expect(pluton_rsa_generate(rsa->pluton, rsa->bits, 65537, &rsa->key), rsa->pluton,
		      "generate");
}

static struct pluton_rsa_request request_of(struct rsa *rsa)
{
	return (struct pluton_rsa_request){.key = &rsa->key,
					   .padding = rsa->padding,
					   .hash = PLUTON_SHA256,
					   .input = input,
					   .length = INPUT_SIZE,
					   .output = rsa->output,
					   .output_size = sizeof(rsa->output),
					   .signature = rsa->output,
					   .signature_size = rsa->key.size};
}

static void rsa_sign_evp(void *context)
{
	struct rsa *rsa = context;

	rsa->size = sizeof(rsa->by_evp);
	evp_sign(evp_rsa(&rsa->key, EVP_PKEY_KEYPAIR), rsa->evp_padding, input, rsa->by_evp,
		 &rsa->size);
}

static void rsa_sign(void *context)
{
	struct rsa *rsa = context;
	struct pluton_rsa_request request = request_of(rsa);

	daemon_expect(pluton_rsa_sign(rsa->pluton, &request), rsa->pluton, "sign");
}

static void rsa_verify_evp(void *context)
{
	struct rsa *rsa = context;

	evp_verify(evp_rsa(&rsa->key, EVP_PKEY_PUBLIC_KEY), rsa->evp_padding, input, rsa->by_evp,
		   rsa->size);
}

static void rsa_verify(void *context)
{
	struct rsa *rsa = context;
	struct pluton_rsa_request request = request_of(rsa);

	daemon_expect(pluton_rsa_verify(rsa->pluton, &request), rsa->pluton, "verify");
}

static void rsa_encrypt_evp(void *context)
{
	struct rsa *rsa = context;

	evp_oaep_encrypt(evp_rsa(&rsa->key, EVP_PKEY_PUBLIC_KEY), input, rsa->by_evp);
}

static void rsa_encrypt(void *context)
{
	struct rsa *rsa = context;
	struct pluton_rsa_request request = request_of(rsa);

	daemon_expect(pluton_rsa_encrypt(rsa->pluton, &request), rsa->pluton, "encrypt");
}

static void rsa_decrypt_evp(void *context)
{
	struct rsa *rsa = context;
	unsigned char message[PLUTON_RSA_SIZE_MAX];

	evp_oaep_decrypt(evp_rsa(&rsa->key, EVP_PKEY_KEYPAIR), rsa->by_evp, rsa->key.size, message);
}

static void rsa_decrypt(void *context)
{
	struct rsa *rsa = context;
	struct pluton_rsa_request request = request_of(rsa);
	unsigned char message[PLUTON_RSA_SIZE_MAX];
	size_t length;

	request.input = rsa->output;
	request.length = rsa->key.size;
	request.output = message;
	request.output_size = sizeof(message);
	daemon_expect(pluton_rsa_decrypt(rsa->pluton, &request, &length), rsa->pluton, "decrypt");
	if (length != INPUT_SIZE || memcmp(message, input, INPUT_SIZE) != 0)
		program_fail("RSA decrypts to something else");
}

static void use_padding(struct rsa *rsa, enum pluton_rsa_padding padding, int evp_padding)
{
	rsa->padding = padding;
	rsa->evp_padding = evp_padding;
}

static void measure_size(const struct crypto_bench *bench, const struct table *table, unsigned bits)
{
	struct rsa rsa = {.pluton = daemon_connect(bench->daemon), .bits = bits};
	char what[64];

#define RACE(verb, name)                                                                           \
	(snprintf(what, sizeof(what), "RSA-%u %s", bits, verb),                                    \
	 race_pair(bench, table, what, name##_evp, name, &rsa))
	rsa_generate(&rsa);
	use_padding(&rsa, PLUTON_RSA_PKCS1, RSA_PKCS1_PADDING);
	RACE("sign, PKCS #1", rsa_sign);
	RACE("verify, PKCS #1", rsa_verify);
	use_padding(&rsa, PLUTON_RSA_PSS, RSA_PKCS1_PSS_PADDING);
	RACE("sign, PSS", rsa_sign);
	RACE("verify, PSS", rsa_verify);
	use_padding(&rsa, PLUTON_RSA_OAEP, RSA_PKCS1_OAEP_PADDING);
	RACE("encrypt, OAEP", rsa_encrypt);
	RACE("decrypt, OAEP", rsa_decrypt);
#undef RACE
	pluton_rsa_key_wipe(&rsa.key);
	pluton_close(rsa.pluton);
}

static void measure_rsa(const struct crypto_bench *bench)
{
	static const unsigned sizes[] = {2048, 3072, 4096};
	struct crypto_table table;

	if (!crypto_begin(bench, &table, "RSA", COLUMNS(columns)))
		return;
	for (size_t i = 0; i < (bench->program->quick ? 1 : 3); i++)
		measure_size(bench, &table.table, sizes[i]);
}

/* Seconds for one: how long it takes is chance, so few digits of this mean anything. */
static void measure_generation(const struct crypto_bench *bench)
{
	struct crypto_table table;
	struct rsa rsa = {.pluton = daemon_connect(bench->daemon), .bits = 2048};

	if (!bench->program->quick &&
	    crypto_begin(bench, &table, "making RSA keys", COLUMNS(columns))) {
		race_pair(bench, &table.table, "RSA-2048 generate", rsa_generate_evp, rsa_generate,
			  &rsa);
		rsa.bits = 3072;
		race_pair(bench, &table.table, "RSA-3072 generate", rsa_generate_evp, rsa_generate,
			  &rsa);
	}
	pluton_rsa_key_wipe(&rsa.key);
	pluton_close(rsa.pluton);
}

void crypto_measure_keys(const struct crypto_bench *bench)
{
	measure_curves(bench);
	measure_rsa(bench);
	measure_generation(bench);
}
