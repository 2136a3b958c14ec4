// Outcomes that are kept, and documents at the boundary: bytes in, checked before they are trusted.
#include "base/alloc.h"
#include "host/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kj_verdict_set(struct kj_verdict *verdict, enum kejue_class class, const char *code,
                    const char *format, ...)
{
    verdict->class = class;
    kj_copy(verdict->code, sizeof verdict->code, code ? code : "");
    va_list args;
    va_start(args, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
}

void kj_verdict_copy(struct kj_verdict *verdict, const struct kejue_outcome *outcome)
{
    int class = outcome ? (int)outcome->class_ : -1;
    if (class < KEJUE_OK || class > KEJUE_CANCELED) {
        kj_verdict_set(verdict, KEJUE_UNKNOWN, "no_class",
                       "the plugin ended the operation without a valid outcome class");
        return;
    }
    verdict->class = (enum kejue_class) class;
    verdict->retry_after_ms = outcome->retry_after_ms > 0 ? outcome->retry_after_ms : 0;
    kj_copy(verdict->code, sizeof verdict->code, outcome->code ? outcome->code : "");
    kj_copy(verdict->text, sizeof verdict->text, outcome->text ? outcome->text : "");
}

void kj_verdict_outcome(const struct kj_verdict *verdict, struct kejue_outcome *outcome)
{
    outcome->class_ = verdict->class;
    outcome->retry_after_ms = verdict->retry_after_ms;
    outcome->code = verdict->code[0] ? verdict->code : NULL;
    outcome->text = verdict->text[0] ? verdict->text : NULL;
}

void kj_verdict_fini(struct kj_verdict *verdict)
{
    kj_doc_clear(&verdict->doc);
}

const char *kj_class_name(enum kejue_class class)
{
    static const char *const names[] = {"ok",         "not_processed", "unknown", "caller",
                                        "credential", "account",       "canceled"};
    return class >= KEJUE_OK && class <= KEJUE_CANCELED ? names[class] : "unknown";
}

struct kejue_doc kj_doc_lend(const bson_t *doc)
{
    struct kejue_doc lent = {0};
    if (doc) {
        lent.bytes = bson_get_data(doc);
        lent.length = doc->len;
    }
    return lent;
}

bool kj_doc_borrow(struct kejue_doc bytes, bson_t *view)
{
    if (!bytes.bytes || bytes.length == 0) {
        bson_init(view);
        return true;
    }
    if (bytes.length <= KJ_HOST_MAX_DOC && bson_init_static(view, bytes.bytes, bytes.length))
        return true;
    bson_init(view);
    return false;
}

bson_t *kj_doc_accept(struct kejue_doc bytes)
{
    bson_t view;
    if (!kj_doc_borrow(bytes, &view) || !kj_doc_sound(&view))
        return NULL;
    return bson_copy(&view);
}
