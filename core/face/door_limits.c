// The limits of a command stand in its schema file; the doors hold to them before they parse or
// hand over, so that a large body costs nothing where none is expected.
#include "face/door_limits.h"

#include "doc/schema.h"

#include <stdio.h>

struct kj_json_limits kj_door_limits(const char *command)
{
    struct kj_json_limits limits = kj_json_default;
    char name[128];
    snprintf(name, sizeof name, "commands/%.96s", command);
    const bson_t *about = kj_schema_source(name);
    if (about) {
        limits.bytes = (size_t)kj_doc_int(about, "limits.bytes", (int64_t)limits.bytes);
        limits.nodes = (size_t)kj_doc_int(about, "limits.nodes", (int64_t)limits.nodes);
    }
    return limits;
}
