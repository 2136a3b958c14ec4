// Rows: which one matches, and why the others did not. Nothing here may raise between the beginning
// and the end of a document that is not a frame's own.
#include "script/eval.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

// --- what was read ---

// One line of explain, written in place: the parts are cut to sizes whose sum fits.
enum { MAX_LINE = 512, MAX_VALUE = 60, MAX_QUOTE = 80 };

static char *add(char *to, const char *text)
{
    size_t length = strlen(text);
    memcpy(to, text, length);
    return to + length;
}

// In quotation marks; "…" tells that it was cut.
static char *add_quoted(char *to, const char *text, uint32_t length, uint32_t most)
{
    *to++ = '"';
    size_t shown = strnlen(text, length < most ? length : most);
    memcpy(to, text, shown);
    return add(to + shown, length > most ? "…\"" : "\"");
}

static char *add_value(char *to, const struct kj_read *read)
{
    char time[40];
    switch (read->type) {
    case BSON_TYPE_EOD:
        return add(to, "nil");
    case BSON_TYPE_UTF8:
        return add_quoted(to, read->value.text, read->length, MAX_VALUE);
    case BSON_TYPE_DOUBLE:
        return kj_print_real(to, read->value.real);
    case BSON_TYPE_BOOL:
        return add(to, read->value.number ? "true" : "false");
    case BSON_TYPE_DATE_TIME:
        kj_time_print(read->value.number, time, sizeof time);
        return add(to, time);
    case BSON_TYPE_ARRAY:
        return add(to, "a list");
    default:
        return kj_print_int(to, read->value.number);
    }
}

static char *add_evidence(struct kj_eval *eval, char *to, const struct kj_read *read)
{
    if (!read->variable) {
        return to;
    }
    const struct kj_var_result *result = &eval->variables[read->variable - 1];
    if (result->state == KJ_VAR_UNKNOWN || result->state == KJ_VAR_NOT_ASKED) {
        to = add(add(add(to, " ("), kj_var_state_name(result->state)), ")");
    } else if (result->state == KJ_VAR_INVALID) {
        to = add(add(add(to, " (invalid: "), result->reason), ")");
    }
    if (result->turn) {
        to = kj_print_int(add(to, ", turn "), result->turn);
    }
    if (result->quote) {
        *to++ = ' ';
        to = add_quoted(to, result->quote, result->quote_length, MAX_QUOTE);
    }
    return to;
}

void kj_explain_reads(struct kj_eval *eval, struct kj_out *entry, const struct kj_reads *reads)
{
    if (!reads || reads->count == 0) {
        return;
    }
    size_t list = kj_out_open(entry, BSON_TYPE_ARRAY, "read");
    for (int i = 0; i < reads->count; i++) {
        const struct kj_read *read = &reads->rows[i];
        kj_out_room(entry, MAX_LINE + 32);
        uint8_t *length = kj_out_item(entry, BSON_TYPE_UTF8, (uint32_t)i, 4);
        char *line = (char *)length + 4, *to = line;
        memcpy(to, read->path, read->path_length);
        to = add(to + read->path_length, " = ");
        to = add_evidence(eval, add_value(to, read), read);
        bool clean = kj_utf8_valid(line, (size_t)(to - line)); // a cut may have split a letter
        for (char *at = line; !clean && at < to; at++) {
            *at = (unsigned char)*at < 0x80 ? *at : '?';
        }
        *to++ = '\0';
        kj_store32(length, (size_t)(to - line));
        entry->length += (size_t)(to - line);
    }
    kj_out_close(entry, list);
}

// NULL when it is noted already, there is no room, or nobody wants to know.
static struct kj_read *new_read(struct kj_eval *eval, const char *head, const char *name)
{
    return kj_new_read(kj_reads_now(eval->vm), head, strlen(head), name, strnlen(name, 40));
}

void kj_note_variable(struct kj_eval *eval, size_t index)
{
    lua_State *L = eval->L;
    struct kj_read *read = new_read(eval, "vars", eval->rules->variables[index].name);
    if (!read) {
        return;
    }
    read->variable = (int)index + 1;
    kj_variable_value(eval, index); // stays in the table of values while we point into it
    const struct kj_moment *moment = kj_moment_at(L, -1);
    size_t length;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        read->type = BSON_TYPE_EOD;
        break;
    case LUA_TBOOLEAN:
        read->type = BSON_TYPE_BOOL;
        read->value.number = lua_toboolean(L, -1);
        break;
    case LUA_TNUMBER:
        read->type = lua_isinteger(L, -1) ? BSON_TYPE_INT64 : BSON_TYPE_DOUBLE;
        if (lua_isinteger(L, -1)) {
            read->value.number = lua_tointeger(L, -1);
        } else {
            read->value.real = lua_tonumber(L, -1);
        }
        break;
    case LUA_TSTRING:
        read->type = BSON_TYPE_UTF8;
        read->value.text = lua_tolstring(L, -1, &length);
        read->length = (uint32_t)length;
        break;
    default:
        read->type = moment ? BSON_TYPE_DATE_TIME : BSON_TYPE_ARRAY;
        read->value.number = moment ? moment->ms : 0;
        break;
    }
    lua_pop(L, 1);
}

void kj_note_result(struct kj_eval *eval, const char *name, const char *value)
{
    struct kj_read *read = new_read(eval, "", name);
    if (read) {
        read->type = value ? BSON_TYPE_UTF8 : BSON_TYPE_EOD;
        read->value.text = value;
        read->length = value ? (uint32_t)strlen(value) : 0;
    }
}

void kj_note_score(struct kj_eval *eval, const double *score)
{
    struct kj_read *read = new_read(eval, "", "score");
    if (read) {
        read->type = score ? BSON_TYPE_DOUBLE : BSON_TYPE_EOD;
        read->value.real = score ? *score : 0;
    }
}

// --- texts ---

enum kj_truth kj_text_answer(struct kj_eval *eval, int text)
{
    return eval->texts[text];
}

static enum kj_truth judge(struct kj_eval *eval, const struct kj_condition *condition)
{
    lua_State *L = eval->L;
    if (condition->text >= 0) {
        enum kj_truth truth = kj_text_answer(eval, condition->text);
        const char *text = eval->rules->texts[condition->text];
        if (truth == KJ_UNKNOWN) {
            snprintf(eval->reason, sizeof eval->reason, "\"%.90s\" is unknown%s%.80s", text,
                     eval->skipped ? ": " : "", eval->skipped ? eval->skipped : "");
        } else {
            snprintf(eval->reason, sizeof eval->reason, "\"%.150s\": %s", text,
                     truth == KJ_TRUE ? "yes" : "no");
        }
        return truth;
    }
    kj_call_function(eval, condition->function, NULL, 2);
    bool truth = lua_toboolean(L, -2);
    if (lua_type(L, -1) == LUA_TSTRING) {
        snprintf(eval->reason, sizeof eval->reason, "%.190s", lua_tostring(L, -1));
    }
    lua_pop(L, 2);
    return truth ? KJ_TRUE : KJ_FALSE;
}

static enum kj_truth judge_row(struct kj_eval *eval, const struct kj_row *row)
{
    struct kj_reads *reads = &eval->frames[eval->nesting - 1].reads;
    enum kj_truth result = KJ_TRUE;
    char unknown[sizeof eval->reason] = "";
    reads->count = 0;
    reads->more = false;
    eval->reason[0] = '\0';
    for (size_t i = 0; i < row->count && result != KJ_FALSE; i++) {
        enum kj_truth truth = judge(eval, &row->conditions[i]);
        if (truth == KJ_UNKNOWN && result == KJ_TRUE) {
            memcpy(unknown, eval->reason, sizeof unknown);
        }
        result = truth == KJ_TRUE ? result : truth;
    }
    if (result == KJ_UNKNOWN) {
        memcpy(eval->reason, unknown, sizeof unknown);
    }
    return result;
}

// --- explain ---

static void put_row(struct kj_eval *eval, struct kj_out *out, const struct kj_rows *rows,
                    size_t index)
{
    kj_out_raw(out, &rows->rows[index].place);
    kj_out_words(out, "reason", eval->reason);
    kj_explain_reads(eval, out, kj_reads_now(eval->vm));
}

static void put_skipped(struct kj_eval *eval, const struct kj_rows *rows, size_t index,
                        enum kj_truth truth)
{
    struct kj_frame *frame = &eval->frames[eval->nesting - 1];
    if (eval->vm->limits.terse) {
        return;
    }
    size_t doc = kj_out_open_item(&frame->skipped, frame->skipped_count++);
    put_row(eval, &frame->skipped, rows, index);
    kj_out_raw(&frame->skipped, &rows->rows[index].shown);
    kj_out_text(&frame->skipped, "result", truth == KJ_UNKNOWN ? "unknown" : "false");
    kj_out_close(&frame->skipped, doc);
}

int kj_first_row(struct kj_eval *eval, const struct kj_rows *rows)
{
    struct kj_frame *frame = &eval->frames[eval->nesting - 1];
    for (size_t i = 0; i < rows->count; i++) {
        enum kj_truth truth = judge_row(eval, &rows->rows[i]);
        if (truth == KJ_TRUE) {
            const struct kj_row *row = &rows->rows[i];
            if (row->value[0]) {
                kj_out_raw(&frame->entry, &row->shown);
            } else {
                kj_out_text(&frame->entry, "value", "none");
            }
            put_row(eval, &frame->entry, rows, i);
            return (int)i;
        }
        put_skipped(eval, rows, i, truth);
    }
    return -1;
}

void kj_each_row(struct kj_eval *eval, const struct kj_rows *rows,
                 void (*hit)(struct kj_eval *, const struct kj_row *))
{
    struct kj_frame *frame = &eval->frames[eval->nesting - 1];
    for (size_t i = 0; i < rows->count; i++) {
        enum kj_truth truth = judge_row(eval, &rows->rows[i]);
        if (truth != KJ_TRUE) {
            put_skipped(eval, rows, i, truth);
            continue;
        }
        struct kj_out *out = &frame->matched;
        size_t doc = kj_out_open_item(out, frame->matched_count++);
        put_row(eval, out, rows, i);
        if (rows->rows[i].value) {
            kj_out_raw(out, &rows->rows[i].shown);
        } else {
            kj_out_number(out, "points", rows->rows[i].points);
        }
        kj_out_close(out, doc);
        hit(eval, &rows->rows[i]);
    }
}

void kj_explain_note(struct kj_eval *eval, struct kj_frame *frame, const char *at,
                     const char *value, const char *reason)
{
    kj_out_words(&frame->entry, "value", value);
    kj_out_words(&frame->entry, "at", at);
    kj_out_words(&frame->entry, "reason", reason);
    kj_explain_reads(eval, &frame->entry, &frame->reads);
}

// --- frames ---

struct kj_frame *kj_enter_section(struct kj_eval *eval, const char *name)
{
    for (int i = 0; i < eval->nesting; i++) {
        if (eval->frames[i].name != name && strcmp(eval->frames[i].name, name) != 0) {
            continue;
        }
        luaL_Buffer path;
        luaL_buffinit(eval->L, &path);
        for (; i < eval->nesting; i++) {
            luaL_addstring(&path, eval->frames[i].name);
            luaL_addstring(&path, " reads ");
        }
        luaL_addstring(&path, name);
        luaL_pushresult(&path);
        luaL_error(eval->L, "these depend on each other in a circle: %s",
                   lua_tostring(eval->L, -1));
    }
    if (eval->nesting == KJ_MAX_NESTING) {
        luaL_error(eval->L, "more than %d results depend on each other", KJ_MAX_NESTING);
    }
    struct kj_frame *frame = &eval->frames[eval->nesting++];
    frame->name = name;
    frame->reads.count = 0;
    frame->reads.more = false;
    frame->skipped_count = frame->matched_count = 0;
    frame->entry.length = frame->skipped.length = frame->matched.length = 0;
    kj_out_text(&frame->entry, "section", name);
    return frame;
}

bson_t *kj_frame_result(struct kj_frame *frame)
{
    if (!frame->has_result) {
        bson_init(&frame->result);
        frame->has_result = true;
    }
    return &frame->result;
}

void kj_leave_section(struct kj_eval *eval, bool explain)
{
    struct kj_frame *frame = &eval->frames[--eval->nesting];
    if (explain && !eval->vm->limits.terse) {
        struct kj_out *out = &eval->explain;
        size_t entry = kj_out_open_item(out, eval->explain_count++);
        kj_out_raw(out, &frame->entry);
        if (frame->matched_count) {
            kj_out_whole(out, BSON_TYPE_ARRAY, "rows", &frame->matched);
        }
        if (frame->skipped_count) {
            kj_out_whole(out, BSON_TYPE_ARRAY, "skipped", &frame->skipped);
        }
        kj_out_close(out, entry);
    }
    if (frame->has_result) {
        bson_destroy(&frame->result);
        frame->has_result = false;
    }
}
