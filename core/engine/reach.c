// Refusals stand on the numbers' documents. An e-mail address has none, so a message to one is
// judged by the numbers of the lead it is about.
#include "engine/reach.h"

#include "base/alloc.h"
#include "engine/path.h"
#include "model/gate.h"
#include "model/phone.h"

#include <stdlib.h>

enum { LEAD_NUMBER, WHATSAPP_NUMBER, GIVEN_NUMBER, NUMBERS };

struct reach {
    struct kj_engine *engine;
    char workspace[64], numbers[NUMBERS][24];
    kj_reach_done *done;
    void *arg;
};

static void reach_end(struct reach *reach, int status, const char *text)
{
    reach->done(reach->arg, status, text);
    free(reach);
}

static void on_numbers(struct kj_store_request *request)
{
    char text[360];
    for (size_t i = 0; i < request->n_ops; i++) {
        const struct kj_store_op *op = &request->ops[i];
        if (op->status != KJ_OK && op->status != KJ_ENOTFOUND) {
            reach_end(request->arg, op->status, "the refusals could not be read");
            return;
        }
        if (op->n_docs && kj_gate_refused(op->docs[0], text, sizeof text)) {
            reach_end(request->arg, KJ_EDENIED, text);
            return;
        }
    }
    reach_end(request->arg, KJ_OK, NULL);
}

static void read_numbers(struct reach *reach)
{
    struct kj_store_request *request =
        kj_store_request(NUMBERS, reach->workspace, on_numbers, reach);
    request->n_ops = 0;
    for (int i = 0; i < NUMBERS; i++) {
        if (reach->numbers[i][0] == 0)
            continue;
        struct kj_store_op *op = &request->ops[request->n_ops++];
        op->verb = KJ_STORE_GET;
        op->coll = KJ_NUMBERS;
        op->key = kj_store_keep_text(request, reach->numbers[i]);
    }
    if (request->n_ops) {
        kj_store_submit(reach->engine->store, request);
        return;
    }
    kj_store_discard(request);
    reach_end(reach, KJ_OK, NULL);
}

static void on_lead(struct kj_store_request *request)
{
    struct reach *reach = request->arg;
    const struct kj_store_op *op = &request->ops[0];
    if (op->status != KJ_OK && op->status != KJ_ENOTFOUND) {
        reach_end(reach, op->status, "the lead could not be read");
        return;
    }
    if (op->n_docs) {
        kj_copy(reach->numbers[LEAD_NUMBER], sizeof *reach->numbers,
                kj_doc_text(op->docs[0], "phone_number", ""));
        kj_copy(reach->numbers[WHATSAPP_NUMBER], sizeof *reach->numbers,
                kj_doc_text(op->docs[0], "whatsapp_number", ""));
    }
    read_numbers(reach);
}

void kj_reach_ask(struct kj_engine *engine, const struct kj_reach *wanted, kj_reach_done *done,
                  void *arg)
{
    struct kj_phone phone;
    const char *country = engine->default_country[0] ? engine->default_country : NULL;
    if (!kj_engine_touches(engine, wanted->verb) || !kj_doc_has(wanted->args, "to")) {
        done(arg, KJ_OK, NULL);
        return;
    }
    struct reach *reach = KJ_NEW(struct reach);
    *reach = (struct reach){.engine = engine, .done = done, .arg = arg};
    kj_copy(reach->workspace, sizeof reach->workspace, wanted->workspace);
    if (kj_phone_parse(kj_doc_text(wanted->args, "to", ""), country, &phone, NULL) == KJ_OK)
        kj_copy(reach->numbers[GIVEN_NUMBER], sizeof *reach->numbers, phone.e164);
    if (wanted->lead_id)
        kj_store_get(engine->store, reach->workspace, KJ_LEADS, wanted->lead_id, NULL, on_lead,
                     reach);
    else
        read_numbers(reach);
}
