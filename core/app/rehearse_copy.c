// What comes and goes over the pipes of a rehearsal, and the copy's way into the store: as it is,
// but for what belongs to the moment (who runs it, which call is open).
#include "app/rehearse.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_doc_most = 64 << 20, k_batch = 1000 };

static int cut_off(struct kj_fault *fault)
{
    return kj_fault(fault, KJ_ECANCELED, "standard input", "kejued --rehearse is started by kejued",
                    "the copy of the campaign ended early");
}

int kj_rehearsal_read(bson_t **doc, struct kj_fault *fault)
{
    uint32_t size_le, size;
    *doc = NULL;
    if (fread(&size_le, 1, sizeof size_le, stdin) != sizeof size_le)
        return cut_off(fault);
    size = BSON_UINT32_FROM_LE(size_le);
    if (size < 5 || size > k_doc_most)
        return cut_off(fault);
    uint8_t *bytes = kj_alloc(size);
    memcpy(bytes, &size_le, sizeof size_le);
    if (fread(bytes + sizeof size_le, 1, size - sizeof size_le, stdin) == size - sizeof size_le)
        *doc = bson_new_from_data(bytes, size);
    free(bytes);
    return *doc ? KJ_OK : cut_off(fault);
}

void kj_rehearsal_tell(const char *name, const bson_t *doc)
{
    bson_t frame = BSON_INITIALIZER;
    kj_doc_put_doc(&frame, name, doc);
    fwrite(bson_get_data(&frame), 1, frame.len, stdout);
    fflush(stdout);
    bson_destroy(&frame);
}

// --- what belongs to the moment ---

static bson_t *ready_campaign(struct kj_rehearsal *rehearsal, const bson_t *doc)
{
    bson_t changes = BSON_INITIALIZER;
    kj_copy(rehearsal->workspace, sizeof rehearsal->workspace, kj_doc_text(doc, "workspace", ""));
    kj_copy(rehearsal->name, sizeof rehearsal->name, kj_doc_text(doc, "name", ""));
    kj_doc_put_text(&changes, "status", "active");
    kj_doc_put_bool(&changes, "expanded", kj_doc_bool(doc, "expanded", false));
    kj_doc_put_null(&changes, "ended_at");
    bson_t *ready = kj_doc_with(doc, &changes);
    bson_destroy(&changes);
    return ready;
}

// A call that is under way just now is not known here: the job calls anew.
static bson_t *ready_job(const struct kj_rehearsal *rehearsal, const bson_t *doc)
{
    bson_t changes = BSON_INITIALIZER;
    if (kj_streq(kj_doc_text(doc, "state", ""), "running")) {
        kj_doc_put_text(&changes, "state", "waiting");
        kj_doc_put_time(&changes, "due", rehearsal->start);
        kj_doc_put_null(&changes, "host");
    }
    if (kj_streq(kj_doc_text(doc, "stage", ""), "attempt")) {
        kj_doc_put_text(&changes, "stage", "admit");
        kj_doc_put_null(&changes, "attempt_id");
    }
    bson_t *ready = kj_doc_with(doc, &changes);
    bson_destroy(&changes);
    return ready;
}

static bson_t *ready_number(const bson_t *doc)
{
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_null(&changes, "open_attempt");
    bson_t *ready = kj_doc_with(doc, &changes);
    bson_destroy(&changes);
    return ready;
}

static bson_t *ready(struct kj_rehearsal *rehearsal, enum kj_coll coll, const bson_t *doc)
{
    switch ((int)coll) {
    case KJ_CAMPAIGNS:
        return ready_campaign(rehearsal, doc);
    case KJ_JOBS:
        return ready_job(rehearsal, doc);
    case KJ_NUMBERS:
        return ready_number(doc);
    case KJ_GROUPS:
        kj_copy(rehearsal->pack, sizeof rehearsal->pack, kj_doc_text(doc, "pack", ""));
        break;
    case KJ_LEADS:
        rehearsal->leads++;
        break;
    }
    return bson_copy(doc);
}

// --- into the store ---

static void on_put(struct kj_store_request *request)
{
    struct kj_rehearsal *rehearsal = request->arg;
    for (size_t i = 0; i < request->n_ops && rehearsal->status == KJ_OK; i++)
        if (request->ops[i].status != KJ_OK)
            rehearsal->status = kj_fault(rehearsal->fault, request->ops[i].status, "copy", NULL,
                                         "the copy of a document of %s cannot be stored: %s",
                                         kj_coll_name(request->ops[i].coll), request->fault.text);
    kj_loop_stop(rehearsal->app->loop);
}

static int put(struct kj_rehearsal *rehearsal, struct kj_store_request *request, size_t count)
{
    request->n_ops = count;
    kj_store_submit(rehearsal->app->store, request);
    kj_loop_run(rehearsal->app->loop);
    return rehearsal->status;
}

static struct kj_store_request *new_put(struct kj_rehearsal *rehearsal)
{
    return kj_store_request(k_batch, "", on_put, rehearsal);
}

static int add(struct kj_rehearsal *rehearsal, struct kj_store_request *request, size_t i,
               const bson_t *frame)
{
    bson_iter_t at;
    bson_t doc;
    int coll = bson_iter_init(&at, frame) && bson_iter_next(&at)
                   ? kj_coll_from_name(bson_iter_key(&at))
                   : -1;
    if (coll < 0 || !kj_doc_at(&at, &doc))
        return cut_off(rehearsal->fault);
    request->ops[i].verb = KJ_STORE_PUT;
    request->ops[i].coll = (enum kj_coll)coll;
    kj_store_own_doc(request, i, ready(rehearsal, (enum kj_coll)coll, &doc));
    return KJ_OK;
}

int kj_rehearsal_take_copy(struct kj_rehearsal *rehearsal)
{
    struct kj_store_request *request = new_put(rehearsal);
    size_t count = 0;
    bson_t *frame;
    int rc;
    while ((rc = kj_rehearsal_read(&frame, rehearsal->fault)) == KJ_OK) {
        bool go = kj_doc_bool(frame, "go", false);
        if (!go)
            rc = add(rehearsal, request, count++, frame);
        bson_destroy(frame);
        if (go || rc != KJ_OK)
            break;
        if (count < k_batch)
            continue;
        rc = put(rehearsal, request, count);
        request = new_put(rehearsal);
        count = 0;
        if (rc != KJ_OK)
            break;
    }
    if (rc == KJ_OK && count)
        return put(rehearsal, request, count);
    kj_store_discard(request);
    return rc;
}
