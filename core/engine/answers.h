// The model's stored answers about a call: which a version of a pack lacks, and facts with more of
// them. Pure.
#ifndef KJ_ANSWERS_H
#define KJ_ANSWERS_H

#include "doc/doc.h"

// How many texts and variables of the pack (kj_script_describe) no model was ever asked about for
// these facts; 0 when no human was reached: then nothing is asked. With `rest`, they are put there
// as a pack that asks only for them (kj_question_build).
int64_t kj_answers_missing(const bson_t *about, const bson_t *facts, bson_t *rest);
// The facts with further answers; the caller destroys it.
bson_t *kj_answers_add(const bson_t *facts, const bson_t *answers);
// The facts of the same call under another goal of its campaign, without the answers that were
// given for the old one; the caller destroys it.
bson_t *kj_answers_for_goal(const bson_t *facts, const char *goal);

#endif
