// Leases as they stand in the hosts' documents.
#include "engine/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void kj_lease_text(const bson_t *host, char lease[KJ_LEASE_SIZE])
{
    snprintf(lease, KJ_LEASE_SIZE, "%s#%" PRId64, kj_doc_text(host, "key", ""),
             kj_doc_int(host, "epoch", 0));
}

bool kj_lease_is_live(const bson_t *host)
{
    return strcmp(kj_doc_text(host, "state", ""), "live") == 0;
}

bool kj_lease_is_held(const bson_t *host, const char *lease)
{
    char own[KJ_LEASE_SIZE];
    kj_lease_text(host, own);
    return kj_lease_is_live(host) && strcmp(own, lease) == 0;
}

bson_t *kj_lease_ended(const bson_t *host, const char *taken_by)
{
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "state", "ended");
    kj_doc_put_int(&changes, "epoch", kj_doc_int(host, "epoch", 0) + 1);
    if (taken_by)
        kj_doc_put_text(&changes, "taken_by", taken_by);
    bson_t *ended = kj_doc_with(host, &changes);
    bson_destroy(&changes);
    return ended;
}
