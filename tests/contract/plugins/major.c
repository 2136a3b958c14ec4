/* A plugin for another major version of the boundary. Nothing of it may ever be called. */
#include "kejue_plugin.h"

#include <stdlib.h>

static int open_instance(const struct kejue_host *host, struct kejue_ctx *ctx,
                         struct kejue_doc config, void **instance, char *error, size_t size)
{
    (void)host, (void)ctx, (void)config, (void)instance, (void)error, (void)size;
    abort();
}

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR + 1,
    .minor = 0,
    .name = "major",
    .version = "1",
    .open = open_instance,
};
