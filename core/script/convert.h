// From Lua values to BSON, bounded: depth 32, 10,000 nodes, 256 KiB; raw access only, so that no
// script runs while its result is read. Faults raise Lua errors that name the path; the caller
// owns `out` and destroys it also then (all use is inside a protected call).
#ifndef KJ_CONVERT_H
#define KJ_CONVERT_H

#include "doc/doc.h"
#include "script/vm.h"

struct kj_convert {
    int depth;
    int nodes;
    size_t bytes;
    char path[160]; // of the value being converted: "effects[1].args"
};

void kj_convert_init(struct kj_convert *state, const char *path);
// Appends the value at `index` under `key`; nil appends nothing.
void kj_convert_put(lua_State *L, struct kj_convert *state, bson_t *out, const char *key,
                    int index);
// Appends the members of the table or view at `index` (names only) to `out`.
void kj_convert_members(lua_State *L, struct kj_convert *state, bson_t *out, int index);

#endif
