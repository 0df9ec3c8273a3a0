/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens and closes the backend.
 */
#include "backends/files/files.h"

#include <stdlib.h>

#include "backends/files/engine.h"
#include "daemon/config.h"

struct files_instance {
	struct backend_instance instance;
	struct files_options options;
};

int files_open_with(const struct backend_environment *environment,
		    const struct files_options *options, struct backend_instance **ret)
{
	struct files_instance *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return -PLUTON_ENOMEM;
	files->instance.backend = backend_find("files");
	files->options = *options;
	r = files_engine_open(environment, &files->options, &files->instance.engines[HIL_NV]);
	if (r < 0)
		free(files);
	else
		*ret = &files->instance;
	return r;
}

int files_open(const struct backend_environment *environment, struct backend_instance **ret)
{
	struct files_options options = {0};

	if (!environment->config)
		return -PLUTON_ENODEVICE;
	options.state = environment->config->state;
	return files_open_with(environment, &options, ret);
}

void files_close(struct backend_instance *instance)
{
	files_engine_close(instance->engines[HIL_NV]);
	free(instance);
}
