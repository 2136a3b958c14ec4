// See agreement.h. Values are compared as JSON: 5 and 5.0 of the same form read alike there.
#include "engine/agreement.h"

#include "base/str.h"
#include "doc/json.h"

#include <string.h>

static void print(const bson_iter_t *at, struct kj_buf *out)
{
    kj_buf_reset(out);
    kj_json_write_value(at, 0, out);
}

// How many answers say the same of kind.name as the one at `at`.
static size_t count_same(bson_t *const *answers, size_t count, const char *kind, const char *name,
                         const char *member, const bson_iter_t *at)
{
    struct kj_buf one, other;
    size_t same = 0;
    kj_buf_init(&one, 0);
    kj_buf_init(&other, 0);
    print(at, &one);
    for (size_t i = 0; i < count; i++) {
        bson_t all, field;
        bson_iter_t value;
        if (!kj_doc_child(answers[i], kind, &all))
            continue;
        bool found = member ? bson_iter_init_find(&value, &all, name) &&
                                  kj_doc_child(&all, name, &field) &&
                                  bson_iter_init_find(&value, &field, member)
                            : bson_iter_init_find(&value, &all, name);
        if (found) {
            print(&value, &other);
            same += kj_streq(one.data, other.data);
        }
    }
    kj_buf_fini(&one);
    kj_buf_fini(&other);
    return same;
}

static void put_text(bson_t *const *answers, size_t count, const char *name, bson_t *out)
{
    for (size_t i = 0; i < count; i++) {
        bson_t texts;
        bson_iter_t at;
        if (kj_doc_child(answers[i], "texts", &texts) && bson_iter_init_find(&at, &texts, name) &&
            2 * count_same(answers, count, "texts", name, NULL, &at) > count) {
            bson_append_iter(out, name, -1, &at);
            return;
        }
    }
    kj_doc_put_null(out, name); // they do not agree: unknown
}

// The answer that most give, the earliest among equals, with its quote.
static void put_variable(bson_t *const *answers, size_t count, const char *name, bson_t *out)
{
    bson_t best, variables, one;
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        bson_iter_t value;
        if (!kj_doc_child(answers[i], "variables", &variables) ||
            !kj_doc_child(&variables, name, &one) || !bson_iter_init_find(&value, &one, "value"))
            continue;
        size_t same = count_same(answers, count, "variables", name, "value", &value);
        if (same > most) {
            most = same;
            bson_init_static(&best, bson_get_data(&one), one.len);
        }
    }
    if (most) {
        bson_t *with = bson_copy(&best);
        kj_doc_put_real(with, "agreement", (double)most / (double)count);
        kj_doc_put_doc(out, name, with);
        bson_destroy(with);
    }
}

static void put_kind(bson_t *const *answers, size_t count, const char *kind, bson_t *out)
{
    bson_t first, merged = BSON_INITIALIZER;
    bson_iter_t at;
    if (kj_doc_child(answers[0], kind, &first) && bson_iter_init(&at, &first))
        while (bson_iter_next(&at)) {
            if (kj_streq(kind, "texts"))
                put_text(answers, count, bson_iter_key(&at), &merged);
            else
                put_variable(answers, count, bson_iter_key(&at), &merged);
        }
    kj_doc_put_doc(out, kind, &merged);
    bson_destroy(&merged);
}

bson_t *kj_agreement(bson_t *const *answers, size_t count)
{
    bson_t *out = bson_new();
    if (count == 1) {
        bson_concat(out, answers[0]);
        return out;
    }
    put_kind(answers, count, "variables", out);
    put_kind(answers, count, "texts", out);
    kj_doc_put_from(out, "appointment", answers[0], "appointment");
    return out;
}
