// What a host's document says of its lease: name and epoch, "kejue-1#7".
#ifndef KJ_LEASE_H
#define KJ_LEASE_H

#include "doc/doc.h"

enum { KJ_LEASE_SIZE = 96 };

void kj_lease_text(const bson_t *host, char lease[KJ_LEASE_SIZE]);
bool kj_lease_is_live(const bson_t *host);
bool kj_lease_is_held(const bson_t *host, const char *lease); // this very one
// The document after the end: whoever still acts under the old epoch finds that out. taken_by: by
// whom, NULL = it ended by itself. The caller destroys it.
bson_t *kj_lease_ended(const bson_t *host, const char *taken_by);

#endif
