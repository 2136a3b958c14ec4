// The one question to a model about a call, and its answer as facts.
#ifndef KJ_QUESTION_H
#define KJ_QUESTION_H

#include "doc/doc.h"

// The request of llm.complete for all texts and variables of `pack` (kj_script_describe) over
// `facts`, or NULL when the pack asks nothing. The caller destroys it.
bson_t *kj_question_build(const bson_t *pack, const bson_t *facts);
// `json` is the model's object; gives `answers` of the facts. `result` has usage and
// cost.
bson_t *kj_question_answers(const bson_t *json, const bson_t *result);

#endif
