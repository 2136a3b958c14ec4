// Intake of one lead, found by its number or made: what a call that brings its own lead needs.
#include "base/alloc.h"
#include "engine/path.h"

#include <stdlib.h>

struct one {
    struct kj_engine *engine;
    char workspace[64];
    kj_engine_done *done;
    void *arg;
};

static void on_one_read(struct kj_store_request *request)
{
    struct one *one = request->arg;
    struct kj_store_op *op = &request->ops[0];
    struct kj_fault fault;
    kj_fault(&fault, op->status, NULL, "try again", "the lead could not be read");
    one->done(one->arg, op->status, op->n_docs ? op->docs[0] : NULL, op->status ? &fault : NULL);
    free(one);
}

static void on_one(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct one *one = arg;
    struct kj_fault own;
    int64_t id = result ? kj_doc_int(result, "lead_ids.0", 0) : 0;
    if (status == KJ_OK && id == 0) {
        kj_fault(&own, KJ_EINVAL, "/lead", "correct the field and send it again", "%s: %s",
                 kj_doc_text(result, "refused.0.reason", "refused"),
                 kj_doc_text(result, "refused.0.text", ""));
        status = KJ_EINVAL;
        fault = &own;
    }
    if (status != KJ_OK) {
        one->done(one->arg, status, NULL, fault);
        free(one);
        return;
    }
    kj_store_get(one->engine->store, one->workspace, KJ_LEADS, id, NULL, on_one_read, one);
}

void kj_intake_lead(struct kj_engine *engine, const char *workspace, const bson_t *lead,
                    kj_engine_done *done, void *arg)
{
    struct one *one = KJ_NEW(struct one);
    bson_t rows = BSON_INITIALIZER, defaults = BSON_INITIALIZER;
    *one = (struct one){.engine = engine, .done = done, .arg = arg};
    kj_copy(one->workspace, sizeof one->workspace, workspace);
    kj_doc_put_doc(&rows, "0", lead);
    kj_doc_put_bool(&defaults, "single", true); // belongs to no list: merges, is never a duplicate
    kj_intake_leads(engine, workspace, &rows, &defaults, on_one, one);
    bson_destroy(&rows);
    bson_destroy(&defaults);
}
