// "Why" as of an instant: the documents as they were then, and the verdict over them. Private to
// why*.c.
#ifndef KJ_WHY_THEN_H
#define KJ_WHY_THEN_H

#include "engine/engine.h"

// What was read of a lead; all borrowed, any may be NULL.
struct kj_why_facts {
    const struct kj_engine *engine;
    int64_t at, now;
    const bson_t *lead, *number, *campaign;
    const bson_t *job; // the newest that was there at `at`
    const struct kj_store_op *calls, *decisions;
};

// Was it made by then? What has no such instant was.
bool kj_then_there(const bson_t *doc, const char *made_at, int64_t at);
// The number's document with the refusals and attempts of by then; the caller destroys it.
bson_t *kj_then_number(const struct kj_why_facts *facts);
// Appends `now` (the verdict over all halts of people, all gates and the permit, in this order) and
// `basis` (a sentence: what this verdict rests on) to the result, or `fault`.
void kj_why_judge(const struct kj_why_facts *facts, bson_t *result);

#endif
