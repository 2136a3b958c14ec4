// Stage commit: one write on the job stores its new state, the plan, and the outbox: all that must
// happen because of it. From here on nothing is decided any more. A recorded call has nothing in
// its outbox: its state and plan are stored with the end of its job, one write less of some eight.
#include "engine/path.h"

#include "base/alloc.h"

#include <string.h>

// The outbox, and what waits until the calendar has agreed.
struct steps {
    bson_t now_array, then_array;
    struct kj_doc_list now, then;
    bool books; // this plan books an appointment itself
};

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
// nobody gave must not be sent. It was in the talk, or this plan books it and the step follows
// that; else it is held back, and stands in the job. NULL: held.
static struct kj_doc_list *place_of(const struct kj_path *path, const bson_t *step,
                                    struct steps *steps, bson_t *changes)
{
    if (!kj_doc_has(step, "after") ||
        kj_streq(kj_doc_text(path->facts, "appointment.state", ""), "booked"))
        return &steps->now;
    if (steps->books)
        return &steps->then;
    if (!kj_doc_has(changes, "held")) // the first of them
        kj_doc_put_text(changes, "held",
                        kj_doc_text(step, "name", kj_doc_text(step, "key", "an effect")));
    return NULL;
}

// The appointment, as the rules want it, with whom and what follows once it is booked.
static void put_appointment(const struct kj_path *path, struct steps *steps)
{
    static const char *const k_wanted[] = {"at", "duration_minutes", "title"};
    static const char *const k_lead[] = {"phone_number", "first_name", "last_name", "email",
                                         "timezone"};
    bson_t wanted, args = BSON_INITIALIZER, effect = BSON_INITIALIZER;
    if (steps->books && kj_doc_child(path->plan, "appointment", &wanted)) {
        for (size_t i = 0; i < KJ_COUNT(k_wanted); i++)
            kj_doc_put_from(&args, k_wanted[i], &wanted, k_wanted[i]);
        for (size_t i = 0; i < KJ_COUNT(k_lead); i++)
            kj_doc_put_from(&args, k_lead[i], path->lead, k_lead[i]);
        kj_doc_put_text(&args, "call_id", path->attempt_id);
        kj_doc_put_text(&effect, "name", "appointment");
        kj_doc_put_text(&effect, "verb", kj_doc_text(&wanted, "verb", ""));
        kj_doc_put_doc(&effect, "args", &args);
        if (steps->then.count)
            kj_doc_put_array(&effect, "then", &steps->then_array);
        kj_doc_put_doc(&steps->now_array, kj_doc_next(&steps->now), &effect);
    }
    bson_destroy(&args);
    bson_destroy(&effect);
}

static void put_message(const struct kj_path *path, struct steps *steps, bson_t *changes)
{
    bson_t chosen, args = BSON_INITIALIZER;
    if (!kj_doc_child(path->plan, "template", &chosen) || !kj_doc_has(&chosen, "name"))
        return;
    struct kj_doc_list *place = place_of(path, &chosen, steps, changes);
    if (place == NULL)
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
    put_effect(place, "template", "whatsapp.send_template", &args, NULL);
    bson_destroy(&args);
}

static void put_effects(const struct kj_path *path, struct steps *steps, bson_t *changes)
{
    bson_t effects;
    bson_iter_t at;
    if (!kj_doc_child(path->plan, "effects", &effects) || !bson_iter_init(&at, &effects))
        return;
    while (bson_iter_next(&at)) {
        bson_t effect, args;
        if (!kj_doc_at(&at, &effect))
            continue;
        struct kj_doc_list *place = place_of(path, &effect, steps, changes);
        if (place == NULL)
            continue;
        bool has = kj_doc_child(&effect, "args", &args);
        put_effect(place, kj_doc_text(&effect, "key", "effect"), kj_doc_text(&effect, "verb", ""),
                   has ? &args : NULL, &effect);
    }
}

static void put_outbox(const struct kj_path *path, bson_t *changes)
{
    struct steps steps = {.now_array = BSON_INITIALIZER, .then_array = BSON_INITIALIZER};
    steps.now.array = &steps.now_array;
    steps.then.array = &steps.then_array;
    steps.books = kj_doc_bool(path->plan, "appointment.book", false);
    // A recorded call is history: it is judged, but nobody is written to because of it.
    if (!path->recorded) {
        put_message(path, &steps, changes);
        put_effects(path, &steps, changes);
        put_appointment(path, &steps);
    }
    kj_doc_put_array(changes, "outbox", &steps.now_array);
    bson_destroy(&steps.now_array);
    bson_destroy(&steps.then_array);
}

static bson_t *analyzed_event(const struct kj_path *path)
{
    static const char *const k_told[] = {"success", "score",    "lead_status", "next",
                                         "opt_out", "template", "tags"};
    const bson_t *job = kj_path_job(path);
    bson_t data = BSON_INITIALIZER, *events = bson_sized_new(800);
    struct kj_doc_list list = {events};
    kj_doc_put_text(&data, "call_id", path->attempt_id);
    kj_doc_put_int(&data, "job_id", kj_running_id(path->running));
    kj_doc_put_from(&data, "lead_id", job, "lead_id");
    kj_doc_put_from(&data, "campaign_id", job, "campaign_id");
    kj_doc_put_from(&data, "disposition", path->call, "disposition");
    kj_doc_put_fields(&data, path->plan, k_told, sizeof k_told / sizeof *k_told);
    kj_event_add(&list, "call.analyzed", &data);
    bson_destroy(&data);
    return events;
}

void kj_commit(struct kj_path *path)
{
    bson_t changes = BSON_INITIALIZER, without = BSON_INITIALIZER;
    bson_t *events = analyzed_event(path);
    kj_doc_put_null(&without, "explain"); // stays in `decisions`
    bson_t *brief = kj_doc_with(path->plan, &without);
    kj_doc_put_doc(&changes, "plan", brief);
    put_outbox(path, &changes);
    if (kj_doc_has(path->plan, "next"))
        kj_doc_put_from(&changes, "next", path->plan, "next");
    else
        kj_doc_put_null(&changes, "next");
    if (kj_doc_has(path->plan,
                   "lead_changes.priority")) // also for what is still to come of this job
        kj_doc_put_int(&changes, "priority",
                       kj_path_priority(kj_doc_int(path->plan, "lead_changes.priority", 50)));
    if (path->recorded)
        kj_path_go_on(path, "deliver", &changes, events);
    else
        kj_path_advance(path, "deliver", &changes, events);
    bson_destroy(events);
    bson_destroy(brief);
    bson_destroy(&without);
    bson_destroy(&changes);
}
