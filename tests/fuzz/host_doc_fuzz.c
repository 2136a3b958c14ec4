// Bytes from a plugin as a document: what is accepted can be read, and nothing reads outside.
#include "base/alloc.h"
#include "host/home.h"
#include "host/table.h"

#include <stdlib.h>
#include <string.h>

static int visit(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    size_t *length = arg;
    *length += strlen(key) + (text ? strlen(text) : 0) + child.length;
    return *length > 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"a", "a.b", "a.0", "", "a.b.c.d"};
    uint8_t *exact = kj_memdup(data, size); // so that reading behind the end is seen
    struct kejue_doc doc = {exact, size};
    char json[64];
    size_t length = 0;
    for (size_t i = 0; i < KJ_COUNT(paths); i++) { // readers take unchecked bytes too
        const char *text = kj_read_text(doc, paths[i], "none");
        length += strlen(text) + (size_t)kj_read_integer(doc, paths[i], 1);
        length += kj_read_real(doc, paths[i], 1) > 0;
        length += (size_t)kj_read_boolean(doc, paths[i], 1) + (size_t)kj_read_has(doc, paths[i]);
        struct kejue_doc bytes = kj_read_bytes(doc, paths[i]);
        for (size_t at = 0; at < bytes.length; at++)
            length += bytes.bytes[at];
    }
    bson_t *accepted = kj_doc_accept(doc);
    if (accepted) {
        kj_read_each(doc, NULL, visit, &length);
        kj_read_to_json(doc, json, sizeof json);
        bson_destroy(accepted);
    }
    free(exact);
    return length == SIZE_MAX ? -1 : 0;
}
