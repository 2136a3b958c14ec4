// Values and what proves them: shared by the parts of variables.
#ifndef KJ_EVIDENCE_H
#define KJ_EVIDENCE_H

#include "script/eval.h"

// Notes the reason; always false.
bool kj_invalid_because(struct kj_var_result *result, const char *reason);
// The value on top, in the form of its type (7.0 as 7, RFC 3339 text as a time).
void kj_normalise(struct kj_eval *eval, enum kj_value_type type);
// The value on top: is it one of the variable? Leaves it (normalised) there.
bool kj_accept(struct kj_eval *eval, const struct kj_variable *variable,
               struct kj_var_result *result);
// Quote, turn and agreement of a model's answer; false when the quote is not where it should be.
bool kj_find_evidence(struct kj_eval *eval, const struct kj_element *answer,
                      struct kj_var_result *result);
// The text of a turn (from 1), kept by the facts; NULL when there is none.
const char *kj_turn_text(struct kj_eval *eval, int64_t turn, uint32_t *length);
// Did the assistant put this variable's question?
bool kj_was_asked(struct kj_eval *eval, const struct kj_variable *variable);

#endif
