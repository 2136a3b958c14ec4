// The judgements of a pack: success, verdicts, score, lead status, tags. Each is computed when
// first asked for, in a frame of its own; a fault gives the neutral value.
#include "script/eval.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char k_not_applicable[] = "not_applicable";

struct judged {
    const struct kj_rows *rows;
    struct kj_result *result;
    const char *otherwise; // when no row matches
};

static void judge_rows(struct kj_eval *eval, void *arg)
{
    struct judged *judged = arg;
    struct kj_frame *frame = kj_enter_section(eval, judged->rows->section);
    judged->result->state = KJ_RESULT_BUSY;
    int row = kj_first_row(eval, judged->rows);
    if (row >= 0) {
        judged->result->value = judged->rows->rows[row].value;
    } else {
        judged->result->value = judged->otherwise;
        frame->reads.count = 0;
        kj_explain_note(eval, frame, NULL, judged->otherwise, "no row matched");
    }
    kj_leave_section(eval, true);
}

static bool judge_once(struct kj_eval *eval, const struct kj_rows *rows, struct kj_result *result,
                       const char *otherwise)
{
    struct judged judged = {rows, result, otherwise};
    if (result->state == KJ_RESULT_DONE || rows->section == NULL) {
        return true;
    }
    if (result->state == KJ_RESULT_BUSY) {
        kj_enter_section(eval, rows->section); // raises, naming the circle
    }
    bool ok = kj_guarded(eval, rows->section, judge_rows, &judged);
    if (!ok) {
        result->value = NULL;
    }
    result->state = KJ_RESULT_DONE;
    return ok;
}

const char *kj_success(struct kj_eval *eval)
{
    if (!eval->reached || !eval->rules->success.section) {
        return k_not_applicable;
    }
    if (!judge_once(eval, &eval->rules->success, &eval->success, k_not_applicable)) {
        eval->park = true;
        memcpy(eval->park_reason, eval->last_fault, sizeof eval->park_reason);
    }
    return eval->success.value;
}

bool kj_missed_goal(struct kj_eval *eval)
{
    const struct kj_scale *scale = &eval->rules->scale;
    const char *level = eval->reached && eval->rules->success.section ? kj_success(eval) : NULL;
    for (size_t i = 0; level && i < scale->count; i++) {
        if (strcmp(scale->levels[i], level) == 0) {
            return !(scale->succeeds >> i & 1);
        }
    }
    return false;
}

const char *kj_verdict(struct kj_eval *eval, size_t index)
{
    if (!eval->reached) {
        return k_not_applicable;
    }
    judge_once(eval, &eval->rules->verdicts[index].rows, &eval->verdicts[index], k_not_applicable);
    return eval->verdicts[index].value;
}

const char *kj_lead_status(struct kj_eval *eval)
{
    judge_once(eval, &eval->rules->lead_status, &eval->lead_status, NULL);
    return eval->lead_status.value;
}

// --- score ---

static void add_points(struct kj_eval *eval, const struct kj_row *row)
{
    eval->score += row->points;
}

static void put_score(struct kj_eval *eval, struct kj_frame *frame)
{
    eval->score = fmin(100, fmax(0, eval->score));
    eval->has_score = true;
    kj_out_number(&frame->entry, "value", eval->score);
}

static void score_of_text(struct kj_eval *eval, struct kj_frame *frame)
{
    bson_t answers;
    bson_iter_t at;
    const char *text = eval->rules->texts[eval->rules->score_text];
    bool there = kj_doc_child(&eval->facts, "answers.texts", &answers) &&
                 bson_iter_init_find(&at, &answers, text) && BSON_ITER_HOLDS_NUMBER(&at);
    if (there) {
        eval->score = bson_iter_as_double(&at);
        put_score(eval, frame);
    }
    kj_explain_note(eval, frame, eval->rules->score_at, there ? NULL : "unknown",
                    there ? text : eval->skipped);
}

static void score_of_function(struct kj_eval *eval, struct kj_frame *frame)
{
    lua_State *L = eval->L;
    kj_call_function(eval, eval->rules->score_function, NULL, 2);
    if (lua_type(L, -2) == LUA_TNUMBER && !isnan(lua_tonumber(L, -2))) {
        eval->score = lua_tonumber(L, -2);
        put_score(eval, frame);
    } else if (!lua_isnil(L, -2)) {
        luaL_error(L, "%s: score must be a number, not a %s", eval->rules->score_at,
                   luaL_typename(L, -2));
    }
    const char *reason = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    kj_explain_note(eval, frame, eval->rules->score_at, NULL, reason);
    lua_pop(L, 2);
}

static void compute_score(struct kj_eval *eval, void *arg)
{
    (void)arg;
    struct kj_frame *frame = kj_enter_section(eval, "score");
    eval->score_state.state = KJ_RESULT_BUSY;
    eval->score = 0;
    switch (eval->rules->score_kind) {
    case KJ_SCORE_ROWS:
        kj_each_row(eval, &eval->rules->score, add_points);
        put_score(eval, frame);
        break;
    case KJ_SCORE_TEXT:
        score_of_text(eval, frame);
        break;
    default:
        score_of_function(eval, frame);
        break;
    }
    kj_leave_section(eval, true);
}

bool kj_score(struct kj_eval *eval, double *score)
{
    if (!eval->reached || eval->rules->score_kind == KJ_SCORE_NONE) {
        return false;
    }
    if (eval->score_state.state == KJ_RESULT_BUSY) {
        kj_enter_section(eval, "score");
    }
    if (eval->score_state.state == KJ_RESULT_OPEN) {
        if (!kj_guarded(eval, "score", compute_score, NULL)) {
            eval->has_score = false;
        }
        eval->score_state.state = KJ_RESULT_DONE;
    }
    *score = eval->score;
    return eval->has_score;
}

// --- tags ---

static void add_tag(struct kj_eval *eval, const struct kj_row *row)
{
    for (size_t i = 0; i < eval->tag_count; i++) {
        if (strcmp(eval->tags[i], row->value) == 0) {
            return;
        }
    }
    if (eval->tag_count < KJ_MAX_TAGS) {
        eval->tags[eval->tag_count++] = row->value;
    }
}

static void compute_tags(struct kj_eval *eval, void *arg)
{
    (void)arg;
    kj_enter_section(eval, "tags");
    eval->tags_state.state = KJ_RESULT_BUSY;
    kj_each_row(eval, &eval->rules->tags, add_tag);
    kj_leave_section(eval, true);
}

void kj_tags(struct kj_eval *eval)
{
    if (eval->rules->tags.section == NULL || eval->tags_state.state == KJ_RESULT_DONE) {
        return;
    }
    if (eval->tags_state.state == KJ_RESULT_BUSY) {
        kj_enter_section(eval, "tags");
    }
    if (!kj_guarded(eval, "tags", compute_tags, NULL)) {
        eval->tag_count = 0;
    }
    eval->tags_state.state = KJ_RESULT_DONE;
}
