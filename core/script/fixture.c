// A call that was judged, as a test beside its pack: Lua text that stands in NAME_test.lua as it
// is.
#include "script/script.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum { SHORT_LIST = 60 }; // what is shorter stands in one line

static void put_text(struct kj_buf *out, const char *text, size_t length)
{
    kj_buf_addc(out, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            kj_buf_addf(out, "\\%c", c);
        } else if (c == '\n') {
            kj_buf_adds(out, "\\n");
        } else if (c < ' ' || c == 127) {
            kj_buf_addf(out, "\\%03d", c);
        } else {
            kj_buf_addc(out, (char)c);
        }
    }
    kj_buf_addc(out, '"');
}

static bool is_name(const char *key)
{
    static const char *const reserved[] = {"and",   "break", "do",       "else", "elseif", "end",
                                           "false", "for",   "function", "goto", "if",     "in",
                                           "local", "nil",   "not",      "or",   "repeat", "return",
                                           "then",  "true",  "until",    "while"};
    for (size_t i = 0; i < KJ_COUNT(reserved); i++) {
        if (strcmp(reserved[i], key) == 0) {
            return false;
        }
    }
    bool starts =
        key[0] == '_' || (key[0] >= 'a' && key[0] <= 'z') || (key[0] >= 'A' && key[0] <= 'Z');
    return starts && !key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_")];
}

static void put_members(struct kj_buf *out, const bson_iter_t *container, int indent);

static void put_value(struct kj_buf *out, const bson_iter_t *at, int indent)
{
    char time[40];
    uint32_t length;
    const char *text;
    switch (bson_iter_type(at)) {
    case BSON_TYPE_UTF8:
        text = bson_iter_utf8(at, &length);
        put_text(out, text, length);
        break;
    case BSON_TYPE_BOOL:
        kj_buf_adds(out, bson_iter_bool(at) ? "true" : "false");
        break;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        kj_buf_addf(out, "%lld", (long long)bson_iter_as_int64(at));
        break;
    case BSON_TYPE_DOUBLE:
        kj_buf_addf(out, "%.17g", bson_iter_double(at));
        break;
    case BSON_TYPE_DATE_TIME:
        kj_time_print(bson_iter_date_time(at), time, sizeof time);
        put_text(out, time, strlen(time));
        break;
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        put_members(out, at, indent);
        break;
    default:
        kj_buf_adds(out, "nil");
    }
}

// An empty list is left out, too: {} is an empty document in Lua, and absent is as good.
static bool is_nothing(const bson_iter_t *at)
{
    bson_iter_t in;
    bool empty = BSON_ITER_HOLDS_ARRAY(at) && bson_iter_recurse(at, &in) && !bson_iter_next(&in);
    return BSON_ITER_HOLDS_NULL(at) || empty;
}

// Members one below the other.
static void put_lines(struct kj_buf *out, const bson_iter_t *container, int indent, const char *end)
{
    bool list = BSON_ITER_HOLDS_ARRAY(container);
    bson_iter_t at;
    bson_iter_recurse(container, &at);
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);
        if (is_nothing(&at)) {
            continue;
        }
        kj_buf_addf(out, "%s%*s", end, *end == '\n' ? indent : 0, "");
        if (!list && is_name(key)) {
            kj_buf_addf(out, "%s = ", key);
        } else if (!list) {
            kj_buf_addc(out, '[');
            put_text(out, key, strlen(key));
            kj_buf_adds(out, "] = ");
        }
        put_value(out, &at, indent);
        kj_buf_addc(out, ',');
    }
}

static void put_members(struct kj_buf *out, const bson_iter_t *container, int indent)
{
    struct kj_buf line;
    kj_buf_init(&line, 0);
    put_lines(&line, container, 0, " ");
    if (line.length == 0) {
        kj_buf_adds(out, "{}");
    } else if (line.length <= SHORT_LIST && !memchr(line.data, '\n', line.length)) {
        kj_buf_addf(out, "{%.*s }", (int)line.length - 1, line.data); // without the last comma
    } else {
        kj_buf_addc(out, '{');
        put_lines(out, container, indent + 2, "\n");
        kj_buf_addf(out, "\n%*s}", indent, "");
    }
    kj_buf_fini(&line);
}

static void put_doc(struct kj_buf *out, const char *name, const bson_t *doc, int indent)
{
    bson_t outer = BSON_INITIALIZER;
    bson_iter_t at;
    kj_doc_put_doc(&outer, "doc", doc);
    kj_buf_addf(out, "%*s%s = ", indent, "", name);
    if (bson_iter_init_find(&at, &outer, "doc")) {
        put_value(out, &at, indent);
    }
    kj_buf_adds(out, ",\n");
    bson_destroy(&outer);
}

// What a rule can see, and what the model said.
static bson_t *told_facts(const bson_t *facts)
{
    static const char *const more[] = {"kind", "settings", "answers"};
    const char *names[40];
    size_t count = kj_script_fields("", names, KJ_COUNT(names));
    bson_t *told = bson_new();
    for (size_t i = 0; i < KJ_COUNT(more); i++) {
        kj_doc_put_from(told, more[i], facts, more[i]);
    }
    for (size_t i = 0; i < count; i++) {
        bson_iter_t at;
        bool known = strcmp(names[i], "settings") == 0; // above
        if (!known && bson_iter_init_find(&at, facts, names[i]) && !is_nothing(&at)) {
            bson_append_iter(told, names[i], -1, &at);
        }
    }
    return told;
}

static void put_variables(bson_t *out, const bson_t *plan)
{
    bson_t all, kept = BSON_INITIALIZER;
    bson_iter_t at;
    if (kj_doc_child(plan, "variables", &all) && bson_iter_init(&at, &all)) {
        while (bson_iter_next(&at)) {
            bson_t one, brief = BSON_INITIALIZER;
            if (kj_doc_child(&all, bson_iter_key(&at), &one) && kj_doc_has(&one, "value")) {
                kj_doc_put_from(&brief, "value", &one, "value");
                kj_doc_put_doc(&kept, bson_iter_key(&at), &brief);
            }
            bson_destroy(&brief);
        }
    }
    kj_doc_put_doc(out, "variables", &kept);
    bson_destroy(&kept);
}

static bson_t *expected(const bson_t *plan)
{
    static const char *const whole[] = {"success", "verdicts", "score", "lead_status", "tags"};
    static const char *const parts[][2] = {
        {"template", "name"}, {"next", "kind"}, {"opt_out", "scope"}};
    bson_t *out = bson_new();
    for (size_t i = 0; i < KJ_COUNT(whole); i++) {
        kj_doc_put_from(out, whole[i], plan, whole[i]);
    }
    put_variables(out, plan);
    for (size_t i = 0; i < KJ_COUNT(parts); i++) {
        bson_t from, part = BSON_INITIALIZER;
        if (kj_doc_child(plan, parts[i][0], &from) && kj_doc_has(&from, parts[i][1])) {
            kj_doc_put_from(&part, parts[i][1], &from, parts[i][1]);
            kj_doc_put_doc(out, parts[i][0], &part);
        }
        bson_destroy(&part);
    }
    return out;
}

void kj_script_fixture(const char *name, const bson_t *facts, const bson_t *plan,
                       struct kj_buf *out)
{
    bson_t *told = told_facts(facts), *wanted = expected(plan);
    kj_buf_adds(out, "  { ");
    put_text(out, name, strlen(name));
    kj_buf_adds(out, ",\n");
    put_doc(out, "c", told, 4);
    put_doc(out, "plan", wanted, 4);
    kj_buf_adds(out, "  },\n");
    bson_destroy(told);
    bson_destroy(wanted);
}
