// A job's document: a new one, one that runs, and what becomes of one that a person cancels.
#include "doc/element.h"
#include "engine/queue_own.h"

bson_t *kj_job_new(const char *kind, const char *key, int64_t due, int priority,
                   const bson_t *payload, int64_t now)
{
    bson_t *job = bson_sized_new(320 + (payload ? payload->len : 0)); // grown once
    kj_doc_put_text(job, "kind", kind);
    kj_doc_put_text(job, "key", key);
    kj_doc_put_text(job, "state", "waiting");
    kj_doc_put_time(job, "due", due);
    kj_doc_put_int(job, "priority", priority);
    kj_doc_put_int(job, "attempts", 0);
    kj_doc_put_int(job, "recoveries", 0);
    kj_doc_put_time(job, "created_at", now);
    kj_doc_put_time(job, "updated_at", now);
    kj_doc_put_doc(job, "payload", payload);
    return job;
}

static bool is(const struct kj_element *member, const char *key, size_t length)
{
    return kj_key_is(member->key, member->key_length, key, length);
}

static const char *text_of(const struct kj_element *member, const char *fallback)
{
    bool text = member->type == BSON_TYPE_UTF8 && member->data[member->length] == 0;
    return text ? (const char *)member->data : fallback;
}

void kj_running_read(struct kj_running *running)
{
    struct kj_members members = kj_members_in(running->job);
    struct kj_element member;
    running->version = running->attempts = running->every_ms = 0;
    running->key = NULL;
    running->cancel_asked = false;
    while (kj_members_next(&members, &member)) {
        if (is(&member, "_id", 3))
            kj_element_int(&member, &running->id);
        else if (is(&member, "version", 7))
            kj_element_int(&member, &running->version);
        else if (is(&member, "attempts", 8))
            kj_element_int(&member, &running->attempts);
        else if (is(&member, "every_ms", 8))
            kj_element_int(&member, &running->every_ms);
        else if (is(&member, "key", 3))
            running->key = text_of(&member, NULL);
        else if (is(&member, "cancel_asked", 12))
            running->cancel_asked = member.type == BSON_TYPE_BOOL && member.data[0];
        else if (is(&member, "workspace", 9))
            kj_copy(running->workspace, sizeof running->workspace, text_of(&member, "default"));
    }
}

const char *kj_running_key(const struct kj_running *running)
{
    return running->key;
}

int64_t kj_running_attempts(const struct kj_running *running)
{
    return running->attempts;
}

int64_t kj_running_every_ms(const struct kj_running *running)
{
    return running->every_ms;
}

bool kj_job_holds(const bson_t *doc, const bson_t *changes)
{
    bson_iter_t at;
    bool all = true;
    if (changes == NULL || !bson_iter_init(&at, changes))
        return true;
    while (all && bson_iter_next(&at)) {
        bson_t wanted = BSON_INITIALIZER, found = BSON_INITIALIZER;
        if (!BSON_ITER_HOLDS_NULL(&at))
            bson_append_iter(&wanted, NULL, 0, &at);
        kj_doc_put_from(&found, bson_iter_key(&at), doc, bson_iter_key(&at));
        all = kj_doc_equal(&wanted, &found);
        bson_destroy(&wanted);
        bson_destroy(&found);
    }
    return all;
}

// In the midst of something (a call that may ring, an outbox half written, an opt-out not yet
// stored), so that whoever runs it next must give back or write down what is left, and end it.
static bool midway(const bson_t *job)
{
    const char *stage = kj_doc_text(job, "stage", "admit");
    bool begun = !kj_streq(stage, kj_doc_bool(job, "recorded", false) ? "analyse" : "admit");
    return begun || kj_doc_has(job, "sent");
}

int kj_job_canceled(const bson_t *job, int64_t now, bson_t **next)
{
    const char *state = kj_doc_text(job, "state", "");
    bool runs = kj_streq(state, "running"), waits = kj_streq(state, "waiting");
    if (!runs && !waits && !kj_streq(state, "parked"))
        return KJ_ESTATE;
    bson_t changes = BSON_INITIALIZER;
    *next = NULL;
    if (runs || (waits && midway(job))) {
        kj_doc_put_bool(&changes, "cancel_asked", true);
        if (waits)
            kj_doc_put_time(&changes, "due", now);
    } else {
        kj_doc_put_text(&changes, "state", "failed");
        kj_doc_put_text(&changes, "outcome", "canceled");
        kj_doc_put_text(&changes, "reason", "canceled");
        kj_doc_put_time(&changes, "updated_at", now);
    }
    if (!runs || !kj_doc_bool(job, "cancel_asked", false))
        *next = kj_doc_with(job, &changes);
    bson_destroy(&changes);
    return KJ_OK;
}
