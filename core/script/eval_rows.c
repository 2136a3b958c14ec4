// Rows: which one matches, and why the others did not. Nothing here may raise between the beginning
// and the end of a document that is not a frame's own.
#include "script/eval.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// --- what was read ---

static void put_value(struct kj_buf *out, const struct kj_read *read)
{
    char time[40];
    switch (read->type) {
    case BSON_TYPE_EOD:
        kj_buf_adds(out, "nil");
        break;
    case BSON_TYPE_UTF8:
        kj_buf_addf(out, "\"%.*s%s\"", (int)(read->length < 60 ? read->length : 60),
                    read->value.text, read->length < 60 ? "" : "…");
        break;
    case BSON_TYPE_DOUBLE:
        kj_buf_addf(out, "%.14g", read->value.real);
        break;
    case BSON_TYPE_BOOL:
        kj_buf_adds(out, read->value.number ? "true" : "false");
        break;
    case BSON_TYPE_DATE_TIME:
        kj_time_print(read->value.number, time, sizeof time);
        kj_buf_adds(out, time);
        break;
    case BSON_TYPE_ARRAY:
        kj_buf_adds(out, "a list");
        break;
    default:
        kj_buf_addf(out, "%" PRId64, read->value.number);
        break;
    }
}

static void put_evidence(struct kj_eval *eval, struct kj_buf *out, const struct kj_read *read)
{
    if (!read->variable) {
        return;
    }
    const struct kj_var_result *result = &eval->variables[read->variable - 1];
    if (result->state == KJ_VAR_UNKNOWN || result->state == KJ_VAR_NOT_ASKED) {
        kj_buf_addf(out, " (%s)", kj_var_state_name(result->state));
    } else if (result->state == KJ_VAR_INVALID) {
        kj_buf_addf(out, " (invalid: %s)", result->reason);
    }
    if (result->turn) {
        kj_buf_addf(out, ", turn %" PRId64, result->turn);
    }
    if (result->quote) {
        uint32_t length = result->quote_length < 80 ? result->quote_length : 80;
        kj_buf_addf(out, " \"%.*s%s\"", (int)length, result->quote,
                    length < result->quote_length ? "…" : "");
    }
}

void kj_explain_reads(struct kj_eval *eval, bson_t *entry, const struct kj_reads *reads)
{
    if (reads->count == 0) {
        return;
    }
    bson_t list;
    struct kj_buf text;
    kj_buf_init(&text, 4096);
    bson_append_array_begin(entry, "read", -1, &list);
    for (int i = 0; i < reads->count; i++) {
        char digits[16];
        const char *key;
        bson_uint32_to_string((uint32_t)i, &key, digits, sizeof digits);
        kj_buf_reset(&text);
        kj_buf_addf(&text, "%s = ", reads->rows[i].path);
        put_value(&text, &reads->rows[i]);
        put_evidence(eval, &text, &reads->rows[i]);
        bool clean = kj_utf8_valid(text.data, text.length); // a cut may have split a letter
        for (size_t at = 0; !clean && at < text.length; at++) {
            text.data[at] = (unsigned char)text.data[at] < 0x80 ? text.data[at] : '?';
        }
        bson_append_utf8(&list, key, -1, text.data, (int)text.length);
    }
    bson_append_array_end(entry, &list);
    kj_buf_fini(&text);
}

static struct kj_read *new_read(struct kj_eval *eval, const char *head, const char *name)
{
    struct kj_reads *reads = kj_reads_now(eval->vm);
    if (!reads) {
        return NULL;
    }
    char path[sizeof reads->rows[0].path];
    snprintf(path, sizeof path, "%s%.40s", head, name);
    for (int i = 0; i < reads->count; i++) {
        if (strcmp(reads->rows[i].path, path) == 0) {
            return NULL;
        }
    }
    if (reads->count == KJ_READS) {
        reads->more = true;
        return NULL;
    }
    struct kj_read *read = &reads->rows[reads->count++];
    memset(read, 0, sizeof *read);
    memcpy(read->path, path, sizeof path);
    return read;
}

void kj_note_variable(struct kj_eval *eval, size_t index)
{
    lua_State *L = eval->L;
    struct kj_read *read = new_read(eval, "vars.", eval->rules->variables[index].name);
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
    struct kj_reads *reads = kj_reads_now(eval->vm);
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

static void put_text(bson_t *doc, const char *key, const char *text)
{
    if (text && text[0]) {
        size_t length = strlen(text);
        while (length > 0 && !kj_utf8_valid(text, length)) {
            length--; // a cut may have split a letter
        }
        bson_append_utf8(doc, key, -1, text, (int)length);
    }
}

static void put_row(struct kj_eval *eval, bson_t *doc, const struct kj_rows *rows, size_t index)
{
    bson_append_int64(doc, "row", -1, (int64_t)index + 1);
    put_text(doc, "at", rows->rows[index].at);
    put_text(doc, "reason", eval->reason);
    kj_explain_reads(eval, doc, kj_reads_now(eval->vm));
}

static void put_skipped(struct kj_eval *eval, const struct kj_rows *rows, size_t index,
                        enum kj_truth truth)
{
    struct kj_frame *frame = &eval->frames[eval->nesting - 1];
    char digits[16];
    const char *key;
    bson_t doc;
    bson_uint32_to_string(frame->skipped_count++, &key, digits, sizeof digits);
    bson_append_document_begin(&frame->skipped, key, -1, &doc);
    put_row(eval, &doc, rows, index);
    put_text(&doc, "value", rows->rows[index].value);
    put_text(&doc, "result", truth == KJ_UNKNOWN ? "unknown" : "false");
    bson_append_document_end(&frame->skipped, &doc);
}

int kj_first_row(struct kj_eval *eval, const struct kj_rows *rows)
{
    struct kj_frame *frame = &eval->frames[eval->nesting - 1];
    for (size_t i = 0; i < rows->count; i++) {
        enum kj_truth truth = judge_row(eval, &rows->rows[i]);
        if (truth == KJ_TRUE) {
            put_text(&frame->entry, "value", rows->rows[i].value[0] ? rows->rows[i].value : "none");
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
        char digits[16];
        const char *key;
        bson_t doc;
        bson_uint32_to_string(frame->hit_count++, &key, digits, sizeof digits);
        bson_append_document_begin(&frame->hits, key, -1, &doc);
        put_row(eval, &doc, rows, i);
        if (rows->rows[i].value) {
            put_text(&doc, "value", rows->rows[i].value);
        } else {
            kj_put_number(&doc, "points", rows->rows[i].points);
        }
        bson_append_document_end(&frame->hits, &doc);
        hit(eval, &rows->rows[i]);
    }
}

void kj_explain_note(struct kj_eval *eval, struct kj_frame *frame, const char *at,
                     const char *value, const char *reason)
{
    put_text(&frame->entry, "value", value);
    put_text(&frame->entry, "at", at);
    put_text(&frame->entry, "reason", reason);
    kj_explain_reads(eval, &frame->entry, &frame->reads);
}

// --- frames ---

struct kj_frame *kj_enter_section(struct kj_eval *eval, const char *name)
{
    for (int i = 0; i < eval->nesting; i++) {
        if (strcmp(eval->frames[i].name, name) != 0) {
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
    frame->skipped_count = frame->hit_count = 0;
    bson_init(&frame->entry);
    bson_init(&frame->skipped);
    bson_init(&frame->hits);
    bson_append_utf8(&frame->entry, "section", -1, name, -1);
    return frame;
}

void kj_leave_section(struct kj_eval *eval, bool explain)
{
    struct kj_frame *frame = &eval->frames[--eval->nesting];
    if (explain) {
        char digits[16];
        const char *key;
        if (frame->hit_count) {
            bson_append_array(&frame->entry, "rows", -1, &frame->hits);
        }
        if (frame->skipped_count) {
            bson_append_array(&frame->entry, "skipped", -1, &frame->skipped);
        }
        bson_uint32_to_string(eval->explain_count++, &key, digits, sizeof digits);
        bson_append_document(&eval->explain, key, -1, &frame->entry);
    }
    bson_destroy(&frame->entry);
    bson_destroy(&frame->skipped);
    bson_destroy(&frame->hits);
}
