// The builder of the host table: documents from plugins without a library.
//
// A misuse (a key missing in a document, an end too many or too few, too deep, too large) spoils
// the document: it comes out empty and the log says why, instead of half a request going out.
// Offloaded work may build too, so the list of builders has a lock.
#include "base/alloc.h"
#include "base/log.h"
#include "doc/decimal.h"
#include "doc/json.h"
#include "host/home.h"
#include "host/table.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KJ_BUILD_DEPTH = 32 };

struct kj_build_level {
    bson_t *doc;
    bson_t memory; // of nested ones
    bool array;
    uint32_t count;
};

struct kejue_builder {
    struct kejue_ctx *ctx;
    struct kejue_builder *next, *previous; // the instance's, to find those never dropped
    int depth;
    bson_t *root;
    const char *fault;
    char key[16];
    struct kj_build_level levels[KJ_BUILD_DEPTH + 1]; // each is set when it is begun
};

struct kejue_builder *kj_build(struct kejue_ctx *ctx)
{
    // bson_t asks for more alignment than malloc gives.
    struct kejue_builder *b = aligned_alloc(_Alignof(struct kejue_builder), sizeof *b);
    if (!b)
        abort();
    // Clearing the levels below costs more than building a small document.
    memset(b, 0, offsetof(struct kejue_builder, levels[1]));
    b->ctx = ctx;
    b->root = bson_new();
    b->levels[0].doc = b->root;
    pthread_mutex_lock(&ctx->host->builders_lock);
    b->next = ctx->builders;
    if (ctx->builders)
        ctx->builders->previous = b;
    ctx->builders = b;
    pthread_mutex_unlock(&ctx->host->builders_lock);
    return b;
}

static void kj_build_spoil(struct kejue_builder *b, const char *fault)
{
    if (!b->fault)
        b->fault = fault;
}

// The document to append to and the key; NULL when spoilt.
static bson_t *kj_build_at(struct kejue_builder *b, const char **key)
{
    struct kj_build_level *level = &b->levels[b->depth];
    if (b->fault)
        return NULL;
    if (level->doc->len > KJ_HOST_MAX_DOC) {
        kj_build_spoil(b, "the document is too large");
        return NULL;
    }
    if (level->array) {
        b->key[kj_decimal_print_int(level->count++, b->key)] = 0;
        *key = b->key;
    } else if (!*key) {
        kj_build_spoil(b, "a key is missing: NULL is for arrays");
        return NULL;
    }
    return level->doc;
}

void kj_build_text(struct kejue_builder *b, const char *key, const char *value)
{
    bson_t *doc = value ? kj_build_at(b, &key) : NULL;
    if (!doc)
        return;
    size_t length = strlen(value);
    if (kj_utf8_valid(value, length)) {
        kj_doc_put_text(doc, key, value);
        return;
    }
    char *clean = kj_strndup(value, length); // foreign bytes must not spoil a whole request
    for (char *at = clean; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    kj_doc_put_text(doc, key, clean);
    free(clean);
}

void kj_build_integer(struct kejue_builder *b, const char *key, int64_t value)
{
    bson_t *doc = kj_build_at(b, &key);
    if (doc)
        kj_doc_put_int(doc, key, value);
}

void kj_build_real(struct kejue_builder *b, const char *key, double value)
{
    bson_t *doc = kj_build_at(b, &key);
    if (doc)
        bson_append_double(doc, key, -1, value);
}

void kj_build_boolean(struct kejue_builder *b, const char *key, int value)
{
    bson_t *doc = kj_build_at(b, &key);
    if (doc)
        kj_doc_put_bool(doc, key, value != 0);
}

void kj_build_time(struct kejue_builder *b, const char *key, int64_t wall_ms)
{
    bson_t *doc = kj_build_at(b, &key);
    if (doc)
        kj_doc_put_time(doc, key, wall_ms);
}

void kj_build_bytes(struct kejue_builder *b, const char *key, const void *bytes, size_t length)
{
    bson_t *doc = kj_build_at(b, &key);
    if (doc && length <= KJ_HOST_MAX_DOC)
        bson_append_binary(doc, key, -1, BSON_SUBTYPE_BINARY, bytes, (uint32_t)length);
    else
        kj_build_spoil(b, "the document is too large");
}

static void kj_build_nested(struct kejue_builder *b, const char *key, struct kejue_doc value,
                            bool array)
{
    bson_t view, *doc = kj_build_at(b, &key);
    if (!doc)
        return;
    if (!kj_doc_borrow(value, &view))
        kj_build_spoil(b, "put_doc got bytes that are no document");
    else if (array)
        kj_doc_put_array(doc, key, &view);
    else
        kj_doc_put_doc(doc, key, &view);
    bson_destroy(&view);
}

void kj_build_doc(struct kejue_builder *b, const char *key, struct kejue_doc value)
{
    kj_build_nested(b, key, value, false);
}

void kj_build_array(struct kejue_builder *b, const char *key, struct kejue_doc value)
{
    kj_build_nested(b, key, value, true);
}

void kj_build_from(struct kejue_builder *b, const char *key, struct kejue_doc from,
                   const char *path)
{
    bson_t view;
    bson_iter_t at;
    if (kj_doc_borrow(from, &view) && kj_doc_find(&view, path, &at)) {
        bson_t *doc = kj_build_at(b, &key);
        if (doc)
            bson_append_iter(doc, key, -1, &at);
    }
    bson_destroy(&view);
}

int kj_build_json(struct kejue_builder *b, const char *key, const char *json, size_t length)
{
    static const struct kj_json_limits limits = {KJ_HOST_MAX_DOC, 500000, 64};
    bson_t *parsed = NULL;
    bool array = false;
    if (!json || kj_json_parse(json, length, &limits, &parsed, &array, NULL) != 0)
        return -1;
    kj_build_nested(b, key, kj_doc_lend(parsed), array);
    bson_destroy(parsed);
    return b->fault ? -1 : 0;
}

static void kj_build_begin(struct kejue_builder *b, const char *key, bool array)
{
    bson_t *doc = kj_build_at(b, &key);
    if (!doc)
        return;
    if (b->depth == KJ_BUILD_DEPTH) {
        kj_build_spoil(b, "nested too deep");
        return;
    }
    struct kj_build_level *level = &b->levels[++b->depth];
    level->doc = &level->memory;
    level->array = array;
    level->count = 0;
    if (array)
        bson_append_array_begin(doc, key, -1, &level->memory);
    else
        bson_append_document_begin(doc, key, -1, &level->memory);
}

void kj_build_begin_doc(struct kejue_builder *b, const char *key)
{
    kj_build_begin(b, key, false);
}

void kj_build_begin_array(struct kejue_builder *b, const char *key)
{
    kj_build_begin(b, key, true);
}

void kj_build_end(struct kejue_builder *b)
{
    if (b->fault)
        return;
    if (b->depth == 0) {
        kj_build_spoil(b, "an end without a begin");
        return;
    }
    struct kj_build_level *level = &b->levels[b->depth--];
    bson_t *parent = b->levels[b->depth].doc;
    if (level->array)
        bson_append_array_end(parent, &level->memory);
    else
        bson_append_document_end(parent, &level->memory);
}

struct kejue_doc kj_built(struct kejue_builder *b)
{
    if (b->depth > 0)
        kj_build_spoil(b, "a begin without an end");
    if (!b->fault)
        return kj_doc_lend(b->root);
    kj_log(KJ_LOG_ERROR, "plugin", "a document could not be built and is empty", "instance",
           b->ctx->name, "verb", kj_guard_verb(b->ctx), "reason", b->fault, NULL);
    return (struct kejue_doc){0};
}

static void kj_build_close(struct kejue_builder *b)
{
    while (b->depth > 0) { // libbson wants children closed before their parent is freed
        struct kj_build_level *level = &b->levels[b->depth--];
        bson_append_document_end(b->levels[b->depth].doc, &level->memory);
    }
}

void kj_build_drop(struct kejue_builder *b)
{
    if (!b)
        return;
    kj_build_close(b);
    bson_destroy(b->root);
    pthread_mutex_lock(&b->ctx->host->builders_lock);
    if (b->previous)
        b->previous->next = b->next;
    else
        b->ctx->builders = b->next;
    if (b->next)
        b->next->previous = b->previous;
    pthread_mutex_unlock(&b->ctx->host->builders_lock);
    free(b);
}

void kj_builders_fini(struct kejue_ctx *ctx)
{
    char count[24];
    size_t left = 0;
    while (ctx->builders) {
        kj_build_drop(ctx->builders);
        left++;
    }
    if (left == 0)
        return;
    snprintf(count, sizeof count, "%zu", left);
    kj_log(KJ_LOG_WARN, "plugin", "documents under construction were never dropped", "instance",
           ctx->name, "count", count, NULL);
}
