/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens and closes the backend: the host that its engines share, then the engines.
 */
#include "backends/openssl/openssl.h"

#include <stdlib.h>
#include <string.h>

#include "backends/openssl/engines.h"
#include "backends/openssl/memory.h"

struct openssl_instance {
	struct backend_instance instance;
	struct task_host host;
};

/* Empty for a HIL that OpenSSL has nothing for. */
static const struct engine_kind {
	int (*open)(struct task_host *host, struct hil_engine **ret_engine);
	void (*close)(struct hil_engine *engine);
} engine_kinds[HIL_KINDS] = {
	[HIL_RNG] = {rng_engine_open, rng_engine_close},
	[HIL_DIGEST] = {digest_engine_open, digest_engine_close},
	[HIL_AES] = {aes_engine_open, aes_engine_close},
	[HIL_HMAC] = {hmac_engine_open, mac_engine_close},
	[HIL_CMAC] = {cmac_engine_open, mac_engine_close},
	[HIL_ECC] = {ecc_engine_open, ecc_engine_close},
	[HIL_RSA] = {rsa_engine_open, rsa_engine_close},
	[HIL_KDF] = {kdf_engine_open, kdf_engine_close},
	[HIL_HWKEY] = {NULL, hwkey_engine_close}, /* opened before the others */
};

static bool settled(const struct backend_instance *instance)
{
	return hwkey_engine_settled(instance->engines[HIL_HWKEY]);
}

static int open_all(struct openssl_instance *openssl)
{
	const struct backend_environment *environment = openssl->host.environment;
	int r = worker_pool_open(&openssl->host.workers, environment->interrupts,
				 environment->workers);

	if (r == 0)
		r = hwkey_engine_open(&openssl->host, &openssl->instance.engines[HIL_HWKEY]);
	for (size_t i = 0; r == 0 && i < HIL_KINDS; i++) {
		if (engine_kinds[i].open)
			r = engine_kinds[i].open(&openssl->host, &openssl->instance.engines[i]);
	}
	return r;
}

int openssl_open_with(const struct backend_environment *environment,
		      const struct openssl_options *options, struct backend_instance **ret)
{
	struct openssl_instance *openssl = calloc(1, sizeof(*openssl));
	int r;

	if (!openssl)
		return -PLUTON_ENOMEM;
	openssl->instance.backend = backend_find("openssl");
	openssl->instance.settled = settled;
	openssl->host.environment = environment;
	openssl->host.options = *options;
	r = open_all(openssl);
	if (r < 0) {
		openssl_close(&openssl->instance);
		return r;
	}
	*ret = &openssl->instance;
	return 0;
}

int openssl_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	static const struct openssl_options automatic = {OPENSSL_EXECUTION_AUTO, 0, NULL};

	if (!memory_install() && environment->report)
		environment->report(PLUTON_LOG_WARNING, NULL, 0,
				    "libcrypto was in use before its engines: it does not wipe "
				    "all that it frees");
	return openssl_open_with(environment, &automatic, ret);
}

void openssl_close(struct backend_instance *instance)
{
	struct openssl_instance *openssl = (struct openssl_instance *)(void *)instance;

	for (size_t i = 0; i < HIL_KINDS; i++) {
		if (engine_kinds[i].close)
			engine_kinds[i].close(instance->engines[i]);
	}
	worker_pool_close(&openssl->host.workers);
	explicit_bzero(openssl, sizeof(*openssl));
	free(openssl);
}
