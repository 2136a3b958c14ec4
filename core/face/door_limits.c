// The limits of a command stand in its schema file; the doors hold to them before they parse or
// hand over, so that a large body costs nothing where none is expected.
#include "face/door_limits.h"

#include "doc/schema.h"

#include <stdio.h>
#include <string.h>

struct kj_json_limits kj_door_limits(const char *command)
{
    // Clients repeat themselves: the last answer is kept.
    static _Thread_local char last[128];
    static _Thread_local struct kj_json_limits of_last;
    struct kj_json_limits limits = kj_json_default;
    char name[128];
    if (last[0] && strcmp(last, command) == 0)
        return of_last;
    snprintf(name, sizeof name, "commands/%.96s", command);
    const bson_t *about = kj_schema_source(name);
    if (about) {
        limits.bytes = (size_t)kj_doc_int(about, "limits.bytes", (int64_t)limits.bytes);
        limits.nodes = (size_t)kj_doc_int(about, "limits.nodes", (int64_t)limits.nodes);
    }
    if (kj_copy(last, sizeof last, command))
        of_last = limits;
    else
        last[0] = 0;
    return limits;
}
