// Whom a call or campaign belongs to: an assistant (by id) beats a group (by key); one must be
// named.
#ifndef KJ_RESOLVE_H
#define KJ_RESOLVE_H

#include "api/request.h"

// `from` holds assistant_id and/or `group` / `assistant_group_id`. On success `next` is called with
// the ids; else the request is answered with the fault.
void kj_resolve_group(struct kj_request *request, const bson_t *from,
                      void (*next)(struct kj_request *request, int64_t group_id,
                                   int64_t assistant_id));

#endif
