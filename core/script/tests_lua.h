// The tests beside packs and hooks: shared by the two kinds.
#ifndef KJ_TESTS_LUA_H
#define KJ_TESTS_LUA_H

#include "script/ruleset.h"

struct kj_tests {
    struct kj_pack *pack;
    struct kj_vm *vm; // holds the file of tests
    const char *path; // of that file
    struct kj_lines lines;
    struct kj_doc_list *failed;
};

struct kj_test {
    lua_State *L;
    int table; // reference of { "name", … }
    const struct kj_rules *rules;
    bson_t *given, *answers, *plan;
    bool ok;
    char text[512]; // why not
};

struct kj_match {
    char path[200];
    char text[512];
};

// Compares the value at `index` with a BSON value (NULL = absent), only as far as it says
// something.
bool kj_match_value(lua_State *L, struct kj_match *match, int index, const bson_iter_t *at);
bool kj_match_doc(lua_State *L, struct kj_match *match, int index, const bson_t *doc);

void kj_test_pack(struct kj_tests *tests, struct kj_test *test);
void kj_test_hook(struct kj_tests *tests, struct kj_test *test);
void kj_test_fail(struct kj_tests *tests, const char *name, int line, const char *text);

#endif
