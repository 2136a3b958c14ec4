// What the transcript shows: is the quote there, what was said in a turn, was the question asked.
#include "script/evidence.h"

#include "base/alloc.h"
#include "model/facts.h"
#include "model/fold.h"

#include <stdio.h>
#include <string.h>

static bool transcript_of(struct kj_eval *eval, bson_t *transcript)
{
    return kj_doc_child(&eval->facts, "transcript", transcript);
}

// Turns count from 1, as in c.transcript[turn].
bool kj_find_evidence(struct kj_eval *eval, const struct kj_element *answer,
                      struct kj_var_result *result)
{
    struct kj_element at;
    bson_t transcript;
    int64_t turn = 0;
    if (kj_element_find(answer->data, answer->length, "turn", 4, &at) &&
        !kj_element_int(&at, &turn)) {
        turn = 0;
    }
    result->has_agreement = kj_element_find(answer->data, answer->length, "agreement", 9, &at) &&
                            kj_element_is_number(&at);
    result->agreement = result->has_agreement ? kj_element_real(&at) : 0;
    result->turn = turn > 0 ? turn : 0;
    if (!kj_element_find(answer->data, answer->length, "quote", 5, &at) ||
        at.type != BSON_TYPE_UTF8 || at.data[at.length] != 0) {
        return true;
    }
    const char *quote = (const char *)at.data;
    result->quote_length = at.length;
    int found = -1;
    if (transcript_of(eval, &transcript)) {
        found = kj_quote_find(&transcript, quote, (int)turn - 1);
    }
    if (found < 0 || (turn > 0 && found + 1 != turn)) {
        result->turn = 0;
        if (found < 0) {
            return kj_invalid_because(result, "its quote is not in the talk");
        }
        snprintf(result->reason, sizeof result->reason, "its quote is not in turn %d", (int)turn);
        return false;
    }
    result->turn = found + 1;
    result->quote = quote;
    return true;
}

// The text of a turn, kept by the facts.
const char *kj_turn_text(struct kj_eval *eval, int64_t turn, uint32_t *length)
{
    bson_t transcript;
    bson_iter_t at, child;
    if (turn < 1 || !transcript_of(eval, &transcript) || !bson_iter_init(&at, &transcript)) {
        return NULL;
    }
    for (int64_t i = 0; i < turn; i++) {
        if (!bson_iter_next(&at)) {
            return NULL;
        }
    }
    if (!BSON_ITER_HOLDS_DOCUMENT(&at) || !bson_iter_recurse(&at, &child) ||
        !bson_iter_find(&child, "text") || !BSON_ITER_HOLDS_UTF8(&child)) {
        return NULL;
    }
    return bson_iter_utf8(&child, length);
}

// Everything the assistant said, folded, for "was it asked?".
static const char *spoken(struct kj_eval *eval)
{
    if (eval->has_spoken) {
        return eval->spoken.data ? eval->spoken.data : "";
    }
    eval->has_spoken = true;
    bson_t transcript;
    bson_iter_t at;
    if (transcript_of(eval, &transcript) && bson_iter_init(&at, &transcript)) {
        while (bson_iter_next(&at)) {
            bson_iter_t turn, text;
            if (BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &turn) &&
                bson_iter_find(&turn, "speaker") && BSON_ITER_HOLDS_UTF8(&turn) &&
                strcmp(bson_iter_utf8(&turn, NULL), "assistant") == 0 &&
                bson_iter_recurse(&at, &text) && bson_iter_find(&text, "text") &&
                BSON_ITER_HOLDS_UTF8(&text)) {
                kj_buf_addc(&eval->spoken, '\n');
                kj_fold(bson_iter_utf8(&text, NULL), KJ_FOLD_NUMBERS, &eval->spoken);
            }
        }
    }
    return eval->spoken.data ? eval->spoken.data : "";
}

bool kj_was_asked(struct kj_eval *eval, const struct kj_variable *variable)
{
    bool found = false;
    for (size_t i = 0; !found && variable->questions && variable->questions[i]; i++) {
        found = strstr(spoken(eval), variable->questions[i]) != NULL;
    }
    return found;
}
