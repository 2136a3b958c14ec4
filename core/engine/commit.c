// Stage commit: one write on the job stores its new state, the plan, and the outbox: all that must
// happen because of it. From here on nothing is decided any more. A recorded call has nothing in
// its outbox: its state and plan are stored with the end of its job, one write less of some eight.
#include "engine/path.h"

#include <string.h>

static void put_effect(struct kj_doc_list *outbox, const char *name, const char *verb,
                       const bson_t *args, const bson_t *from)
{
    bson_t effect = BSON_INITIALIZER;
    kj_doc_put_text(&effect, "name", name);
    kj_doc_put_text(&effect, "verb", verb);
    kj_doc_put_doc(&effect, "args", args);
    if (from) {
        kj_doc_put_from(&effect, "retry", from, "retry");
        kj_doc_put_from(&effect, "expires", from, "expires");
        kj_doc_put_from(&effect, "within", from, "within");
    }
    kj_doc_put_doc(outbox->array, kj_doc_next(outbox), &effect);
    bson_destroy(&effect);
}

// What waits for the calendar goes out only when an appointment is booked: a confirmation that
// nobody gave must not be sent. What was held back stands in the job.
static bool held(const struct kj_path *path, const bson_t *step, bson_t *changes)
{
    if (!kj_doc_has(step, "after") ||
        kj_streq(kj_doc_text(path->facts, "appointment.state", ""), "booked"))
        return false;
    if (!kj_doc_has(changes, "held")) // the first of them
        kj_doc_put_text(changes, "held",
                        kj_doc_text(step, "name", kj_doc_text(step, "key", "an effect")));
    return true;
}

static void put_message(const struct kj_path *path, struct kj_doc_list *outbox, bson_t *changes)
{
    bson_t chosen, args = BSON_INITIALIZER;
    if (!kj_doc_child(path->plan, "template", &chosen) || !kj_doc_has(&chosen, "name") ||
        held(path, &chosen, changes))
        return;
    const char *to =
        kj_doc_text(path->lead, "whatsapp_number", kj_doc_text(path->lead, "phone_number", ""));
    kj_doc_put_text(&args, "to", to);
    kj_doc_put_from(&args, "name", &chosen, "name");
    kj_doc_put_from(&args, "language", &chosen, "language");
    kj_doc_put_from(&args, "parameters", &chosen, "parameters");
    kj_doc_put_from(&args, "header", &chosen, "header");
    kj_doc_put_from(&args, "buttons", &chosen, "buttons");
    kj_doc_put_text(&args, "job", path->attempt_id);
    put_effect(outbox, "template", "whatsapp.send_template", &args, NULL);
    bson_destroy(&args);
}

static void put_effects(const struct kj_path *path, struct kj_doc_list *outbox, bson_t *changes)
{
    bson_t effects;
    bson_iter_t at;
    if (!kj_doc_child(path->plan, "effects", &effects) || !bson_iter_init(&at, &effects))
        return;
    while (bson_iter_next(&at)) {
        bson_t effect, args;
        uint32_t length;
        const uint8_t *bytes;
        bson_iter_document(&at, &length, &bytes);
        if (!bson_init_static(&effect, bytes, length) || held(path, &effect, changes))
            continue;
        bool has = kj_doc_child(&effect, "args", &args);
        put_effect(outbox, kj_doc_text(&effect, "key", "effect"), kj_doc_text(&effect, "verb", ""),
                   has ? &args : NULL, &effect);
    }
}

static void put_outbox(const struct kj_path *path, bson_t *changes)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list outbox = {&array};
    // A recorded call is history: it is judged, but nobody is written to because of it.
    if (!kj_doc_bool(kj_path_job(path), "recorded", false)) {
        put_message(path, &outbox, changes);
        put_effects(path, &outbox, changes);
    }
    kj_doc_put_array(changes, "outbox", &array);
    bson_destroy(&array);
}

static bson_t *analyzed_event(const struct kj_path *path)
{
    static const char *const k_told[] = {"success", "score",    "lead_status", "next",
                                         "opt_out", "template", "tags"};
    const bson_t *job = kj_path_job(path);
    bson_t data = BSON_INITIALIZER, *events = bson_new();
    struct kj_doc_list list = {events};
    kj_doc_put_text(&data, "call_id", path->attempt_id);
    kj_doc_put_int(&data, "job_id", kj_running_id(path->running));
    kj_doc_put_from(&data, "lead_id", job, "lead_id");
    kj_doc_put_from(&data, "campaign_id", job, "campaign_id");
    kj_doc_put_from(&data, "disposition", path->call, "disposition");
    for (size_t i = 0; i < sizeof k_told / sizeof *k_told; i++)
        kj_doc_put_from(&data, k_told[i], path->plan, k_told[i]);
    kj_event_add(&list, "call.analyzed", &data);
    bson_destroy(&data);
    return events;
}

void kj_commit(struct kj_path *path)
{
    bson_t changes = BSON_INITIALIZER, brief = BSON_INITIALIZER;
    bson_t *events = analyzed_event(path);
    bson_copy_to_excluding_noinit(path->plan, &brief, "explain", NULL); // stays in `decisions`
    kj_doc_put_doc(&changes, "plan", &brief);
    put_outbox(path, &changes);
    if (kj_doc_has(path->plan, "next"))
        kj_doc_put_from(&changes, "next", path->plan, "next");
    else
        kj_doc_put_null(&changes, "next");
    if (kj_doc_bool(kj_path_job(path), "recorded", false))
        kj_path_go_on(path, "deliver", &changes, events);
    else
        kj_path_advance(path, "deliver", &changes, events);
    bson_destroy(events);
    bson_destroy(&brief);
    bson_destroy(&changes);
}
