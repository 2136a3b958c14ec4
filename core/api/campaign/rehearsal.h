// A rehearsal under way, as the daemon sees it: a copy that is read from the store and written to a
// child, and what the child says. Private to campaign.rehearse. Loop thread.
#ifndef KJ_REHEARSAL_H
#define KJ_REHEARSAL_H

#include "api/request.h"

#include <uv.h>

struct kj_rehearsal_op {
    struct kj_rehearsal_op *next; // of the api's, until it is freed
    struct kj_api *api;           // NULL: it has gone
    int64_t number;
    char workspace[64];
    bson_t *setup; // what the child is told first
    int64_t campaign_id, start, until;
    // rehearsal_child.c
    uv_process_t process;
    uv_pipe_t in, out; // the child's standard input and output
    struct kj_buf heard;
    int handles; // open ones
    bool spawned;
    // rehearsal_copy.c
    bson_t *campaign;
    int64_t after, leads; // the last id read; leads copied
    int asking;           // requests of the store that will come back
    // campaign_rehearse.c
    struct kj_request *waiting;
    uv_timer_t wait, lease;
    bson_t *progress, *result;
    struct kj_fault fault;
    bool done, ending; // ending: nobody wants it; freed with its last handle
};

// rehearsal_child.c
int kj_rehearsal_spawn(struct kj_rehearsal_op *op, struct kj_fault *fault) KJ_MUST_USE;
// Writes whole documents; `then` (may be NULL) once the pipe has taken them, unless it ends.
void kj_rehearsal_write(struct kj_rehearsal_op *op, struct kj_buf *bytes_take,
                        void (*then)(struct kj_rehearsal_op *op));
void kj_rehearsal_kill(struct kj_rehearsal_op *op); // closes what is open
void kj_rehearsal_opened(struct kj_rehearsal_op *op, uv_handle_t *handle);
void kj_rehearsal_close(uv_handle_t *handle);

// rehearsal_copy.c: looks at the campaign, starts the child, writes the copy and {go}.
void kj_rehearsal_copy(struct kj_rehearsal_op *op);

// campaign_rehearse.c
void kj_rehearsal_fail(struct kj_rehearsal_op *op, const struct kj_fault *fault);
void kj_rehearsal_heard(struct kj_rehearsal_op *op, const bson_t *doc);
void kj_rehearsal_free_last(struct kj_rehearsal_op *op); // when nothing of it is open any more
void kj_rehearsals_end(struct kj_api *api);              // kejued stops: all of them

#endif
