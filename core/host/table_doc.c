// The readers of the host table: BSON bytes by dotted path, so that a plugin needs no library.
//
// The bytes were checked when they crossed the boundary; here only the outer length is, and every
// step of the iterator stays inside it.
#include "doc/element.h"
#include "doc/json.h"
#include "host/home.h"
#include "host/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool kj_read_find(struct kejue_doc doc, const char *path, bson_iter_t *at)
{
    bson_t view;
    return path && doc.bytes && doc.length <= UINT32_MAX &&
           bson_init_static(&view, doc.bytes, doc.length) && kj_doc_find(&view, path, at);
}

// The two that every call asks for dozens of times need no iterator.
static bool kj_read_look(struct kejue_doc doc, const char *path, struct kj_element *found)
{
    bson_t view;
    return doc.bytes && doc.length <= UINT32_MAX &&
           bson_init_static(&view, doc.bytes, doc.length) && kj_element_look(&view, path, found);
}

const char *kj_read_text(struct kejue_doc doc, const char *path, const char *fallback)
{
    struct kj_element found;
    bool text = kj_read_look(doc, path, &found) && found.type == BSON_TYPE_UTF8;
    return text ? (const char *)found.data : fallback;
}

int64_t kj_read_integer(struct kejue_doc doc, const char *path, int64_t fallback)
{
    struct kj_element found;
    int64_t integer;
    if (!kj_read_look(doc, path, &found))
        return fallback;
    if (found.type == BSON_TYPE_DATE_TIME)
        return kj_load64(found.data);
    if (found.type != BSON_TYPE_DOUBLE)
        return kj_element_int(&found, &integer) ? integer : fallback;
    double value = kj_element_real(&found);
    bool whole = value > -9.2e18 && value < 9.2e18 && (double)(int64_t)value == value;
    return whole ? (int64_t)value : fallback;
}

double kj_read_real(struct kejue_doc doc, const char *path, double fallback)
{
    bson_iter_t at;
    if (!kj_read_find(doc, path, &at))
        return fallback;
    if (BSON_ITER_HOLDS_DOUBLE(&at))
        return bson_iter_double(&at);
    return BSON_ITER_HOLDS_INT(&at) ? (double)bson_iter_as_int64(&at) : fallback;
}

int kj_read_boolean(struct kejue_doc doc, const char *path, int fallback)
{
    bson_iter_t at;
    return kj_read_find(doc, path, &at) && BSON_ITER_HOLDS_BOOL(&at) ? bson_iter_bool(&at)
                                                                     : fallback;
}

struct kejue_doc kj_read_bytes(struct kejue_doc doc, const char *path)
{
    struct kejue_doc found = {0};
    bson_iter_t at;
    uint32_t length = 0;
    bson_subtype_t subtype;
    if (!kj_read_find(doc, path, &at))
        return found;
    if (BSON_ITER_HOLDS_BINARY(&at))
        bson_iter_binary(&at, &subtype, &length, &found.bytes);
    else if (BSON_ITER_HOLDS_UTF8(&at))
        found.bytes = (const uint8_t *)bson_iter_utf8(&at, &length);
    found.length = length;
    return found;
}

static struct kejue_doc kj_read_view(const bson_iter_t *at)
{
    struct kejue_doc found = {0};
    uint32_t length = 0;
    if (BSON_ITER_HOLDS_DOCUMENT(at))
        bson_iter_document(at, &length, &found.bytes);
    else if (BSON_ITER_HOLDS_ARRAY(at))
        bson_iter_array(at, &length, &found.bytes);
    found.length = length;
    return found;
}

struct kejue_doc kj_read_child(struct kejue_doc doc, const char *path)
{
    bson_iter_t at;
    return kj_read_find(doc, path, &at) ? kj_read_view(&at) : (struct kejue_doc){0};
}

int kj_read_has(struct kejue_doc doc, const char *path)
{
    bson_iter_t at;
    return kj_read_find(doc, path, &at) && !BSON_ITER_HOLDS_NULL(&at);
}

int kj_read_each(struct kejue_doc doc, const char *path,
                 int (*visit)(void *arg, const char *key, const char *text, struct kejue_doc child),
                 void *arg)
{
    bson_t view;
    bson_iter_t at;
    struct kejue_doc inner = path && path[0] ? kj_read_child(doc, path) : doc;
    if (!inner.bytes || !bson_init_static(&view, inner.bytes, inner.length) ||
        !bson_iter_init(&at, &view))
        return 0;
    while (bson_iter_next(&at)) {
        const char *text = BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : NULL;
        int stop = visit(arg, bson_iter_key(&at), text, kj_read_view(&at));
        if (stop)
            return stop;
    }
    return 0;
}

size_t kj_read_to_json(struct kejue_doc doc, char *buffer, size_t size)
{
    bson_t view;
    struct kj_buf text;
    kj_buf_init(&text, 4 * (size_t)KJ_HOST_MAX_DOC);
    if (kj_doc_borrow(doc, &view))
        kj_json_write(&view, 0, &text);
    size_t length = text.length;
    if (size)
        kj_copy(buffer, size, text.data ? text.data : "");
    bson_destroy(&view);
    kj_buf_fini(&text);
    return length;
}
