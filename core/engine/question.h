// The one question to a model about a call, and its answer as facts.
#ifndef KJ_QUESTION_H
#define KJ_QUESTION_H

#include "base/str.h"
#include "doc/doc.h"

// The request of llm.complete for all texts and variables of `pack` (kj_script_describe) over
// `facts`, or NULL when the pack asks nothing. The caller destroys it.
bson_t *kj_question_build(const bson_t *pack, const bson_t *facts);
// Appends a text of the pack with {campaign.goal} and the like replaced by what this call holds.
void kj_question_fill(const char *text, const bson_t *facts, struct kj_buf *out);
// The same about a lead before any call, by the pack's criteria; and its answer as `answers`.
bson_t *kj_question_lead(const bson_t *pack, const bson_t *facts);
bson_t *kj_question_lead_answers(const bson_t *pack, const bson_t *json);
// `json` is the model's object; gives `answers` of the facts. `result` has usage and
// cost.
bson_t *kj_question_answers(const bson_t *json, const bson_t *result);

#endif
