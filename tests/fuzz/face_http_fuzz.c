// The head of an HTTP request: its size does not depend on what follows, what is accepted has only
// characters that may stand there, and its query ends.
#include "base/alloc.h"
#include "face/http_wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const char *never)
{
    if (text[strcspn(text, never)])
        abort();
}

static void check_head(struct kj_http_head *head, size_t size)
{
    const char *name, *value;
    size_t pairs = 0;
    check_text(head->method, " \t\r\n:");
    if (head->method[0] == 0 || head->path[0] != '/' || head->count > KJ_HTTP_FIELDS)
        abort();
    for (size_t i = 0; i < head->count; i++) {
        check_text(head->fields[i].name, " \t\r\n:");
        check_text(head->fields[i].value, "\r\n");
        if (head->fields[i].name[0] == 0 || kj_http_field(head, head->fields[i].name) == NULL)
            abort();
    }
    while (kj_http_query_next(&head->query, &name, &value))
        if (name[0] == 0 || strlen(value) > size || ++pairs > size)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kj_http_head head;
    size_t length = kj_http_head_size((const char *)data, size);
    if (length > size || (length && kj_http_head_size((const char *)data, length) != length))
        abort();
    if (length == 0 || length > KJ_HTTP_HEAD)
        return 0;
    char *exact = kj_memdup(data, length); // so that reading behind the end is seen
    if (kj_http_head_parse(exact, length, &head) == NULL)
        check_head(&head, length);
    free(exact);
    return 0;
}
