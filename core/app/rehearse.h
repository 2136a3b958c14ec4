// A rehearsal from the inside: what the files of kejued --rehearse share. Private to app/.
//
// The other end (core/api/campaign/campaign_rehearse.c) writes documents to our standard input, one
// after the other: the setup {campaign_id, days, seed, start, assumptions, config, scripts_dir,
// plugin_dir}, then the copy as {COLLECTION: document}, at last {go: true}. We answer on standard
// output: {progress} from time to time, then one {result} or {fault}.
#ifndef KJ_REHEARSE_H
#define KJ_REHEARSE_H

#include "app/wire.h"

struct kj_rehearsal {
    struct kj_app *app;
    struct kj_options options; // of the app: clock, start, seed
    bson_t *setup, *assumptions;
    int64_t campaign_id, start, until; // wall ms
    char workspace[64], name[256], pack[128];
    uv_poll_t lifeline; // standard input: its end is the end of who asked
    struct kj_fault *fault;
    int status;
    int64_t told_ms; // real: the last progress
    int64_t calls, reached;
    int64_t leads;
};

// rehearse_copy.c: reads the setup; the copy into the store, made ready to be started.
int kj_rehearsal_read(bson_t **doc, struct kj_fault *fault) KJ_MUST_USE;
int kj_rehearsal_take_copy(struct kj_rehearsal *rehearsal) KJ_MUST_USE;
void kj_rehearsal_tell(const char *name, const bson_t *doc); // to standard output

// rehearse_setup.c: the configuration of a world without a way out, and what is assumed in it.
bson_t *kj_rehearsal_config(const bson_t *setup, bson_t **assumptions);

// rehearse_report.c: what came of it, from the store.
int kj_rehearsal_report(struct kj_rehearsal *rehearsal, bson_t **result) KJ_MUST_USE;
// The documents of a collection that belong to the campaign, page by page, in order.
typedef void kj_rehearsal_visit(void *arg, const bson_t *doc);
int kj_rehearsal_each(struct kj_rehearsal *rehearsal, enum kj_coll coll, kj_rehearsal_visit *visit,
                      void *arg) KJ_MUST_USE;

// rehearse_calls.c: {calls, reached, per_hour, cost, pressure, dispositions}; *last_ms: when the
// last one ended.
int kj_rehearsal_put_calls(struct kj_rehearsal *rehearsal, bson_t *result,
                           int64_t *last_ms) KJ_MUST_USE;
// rehearse_leads.c: {jobs, never, not_in_time, messages}; *open: jobs that still wait for a call.
int kj_rehearsal_put_leads(struct kj_rehearsal *rehearsal, bson_t *result,
                           int64_t *open) KJ_MUST_USE;

#endif
