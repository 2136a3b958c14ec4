// What the carrier is told of a call: whom, in whose name, and what the rules want to be asked.
#include "engine/path.h"
#include "engine/rollout.h"

#include "base/alloc.h"

#include <string.h>

enum { k_room = 4000 }; // of a request, most of it questions: growing it step by step costs more

static void put_question(const bson_t *variable, const char *language, struct kj_doc_list *list)
{
    bson_t row = BSON_INITIALIZER;
    char ask[32] = "ask.";
    strncat(ask, language, sizeof ask - 5);
    const char *text = kj_doc_text(variable, ask, kj_doc_text(variable, "ask.en", NULL));
    if (text) {
        kj_doc_put_from(&row, "key", variable, "name");
        kj_doc_put_text(&row, "text", text);
        kj_doc_put_from(&row, "type", variable, "type");
        kj_doc_put_from(&row, "min", variable, "min");
        kj_doc_put_from(&row, "max", variable, "max");
        kj_doc_put_from(&row, "values", variable, "values");
        kj_doc_put_from(&row, "labels", variable, "labels");
        kj_doc_put_doc(list->array, kj_doc_next(list), &row);
    }
    bson_destroy(&row);
}

static bson_t *questions_of(const bson_t *pack, const char *language)
{
    bson_t variables, *questions = bson_new();
    bson_iter_t at;
    struct kj_doc_list list = {questions};
    if (pack && kj_doc_child(pack, "variables", &variables) && bson_iter_init(&at, &variables))
        while (bson_iter_next(&at)) {
            bson_t variable;
            if (kj_doc_at(&at, &variable))
                put_question(&variable, language, &list);
        }
    return questions;
}

// The same for one call after the other: to gather them anew was half of a request's cost.
static void put_questions(const struct kj_path *path, const char *language, bson_t *request)
{
    const bson_t *pack = kj_script_about(path->engine->script, kj_rollout_rules(path));
    const char *version = kj_doc_text(pack, "hash", "");
    struct kj_questions *last = &path->engine->own->questions;
    if (last->list == NULL || *version == 0 || !kj_streq(last->version, version) ||
        !kj_streq(last->language, language)) {
        kj_doc_clear(&last->list);
        last->list = questions_of(pack, language);
        if (!kj_copy(last->version, sizeof last->version, version) ||
            !kj_copy(last->language, sizeof last->language, language))
            last->version[0] = '?'; // cut: it is like no other
    }
    kj_doc_put_array(request, "questions", last->list);
}

// The call's own words and context, with what preselection has put over them. A context in words
// (K-21) becomes the member `text` beside that, as it is for the rules.
static void put_context(const bson_t *job, bson_t *request)
{
    bson_t overwrites, context, over = BSON_INITIALIZER, words = BSON_INITIALIZER;
    if (!kj_doc_child(job, "preselection.overwrites", &overwrites)) {
        kj_doc_put_from(request, "first_message", job, "request.first_message");
        kj_doc_put_from(request, "context", job, "request.context");
        bson_destroy(&over);
        bson_destroy(&words);
        return;
    }
    bool own = kj_doc_has(&overwrites, "first_message");
    kj_doc_put_from(request, "first_message", own ? &overwrites : job,
                    own ? "first_message" : "request.first_message");
    bson_copy_to_excluding_noinit(&overwrites, &over, "first_message", NULL);
    if (!kj_doc_child(job, "request.context", &context)) {
        kj_doc_put_text(&words, "text", kj_doc_text(job, "request.context", NULL));
        bson_init_static(&context, bson_get_data(&words), words.len);
    }
    bson_t *all = kj_doc_with(&context, &over);
    if (bson_count_keys(all))
        kj_doc_put_doc(request, "context", all);
    bson_destroy(all);
    bson_destroy(&over);
    bson_destroy(&words);
}

bson_t *kj_attempt_request(const struct kj_path *path)
{
    static const char *const k_lead[] = {"first_name", "last_name", "country"};
    const bson_t *job = kj_path_job(path);
    const char *language = kj_doc_text(path->lead, "language", "en");
    bson_t *request = bson_sized_new(k_room), lead = BSON_INITIALIZER;
    kj_doc_put_text(request, "attempt_id", path->attempt_id);
    kj_doc_put_text(request, "to", kj_doc_text(job, "to", ""));
    kj_doc_put_text(request, "language", language);
    kj_doc_put_int(request, "attempt", kj_doc_int(job, "dials", 1));
    put_context(job, request);
    if (path->assistant) {
        kj_doc_put_from(request, "from", path->assistant, "from_number");
        if (!kj_doc_has(request, "first_message"))
            kj_doc_put_from(request, "first_message", path->assistant, "first_message");
        kj_doc_put_from(request, "company", path->assistant, "company");
        kj_doc_put_from(request, "max_duration_seconds", path->assistant, "max_duration_seconds");
    }
    if (path->campaign)
        kj_doc_put_from(request, "goal", path->campaign, "goal");
    kj_doc_put_fields(&lead, path->lead, k_lead, KJ_COUNT(k_lead));
    kj_doc_put_doc(request, "lead", &lead);
    bson_destroy(&lead);
    put_questions(path, language, request);
    return request;
}
