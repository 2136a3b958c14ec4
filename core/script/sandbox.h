// What a script finds: a whitelisted library, frozen; require of its own folders; no way to keep
// state between two evaluations.
#ifndef KJ_SANDBOX_H
#define KJ_SANDBOX_H

#include "script/vm.h"

// Builds the environment (inside a protected call).
void kj_sandbox_open(lua_State *L);
void kj_base_lib_open(lua_State *L); // type pairs next pcall setmetatable …; env on top
int kj_lua_pairs(lua_State *L);      // pairs and next (pairs_lib.c)
int kj_lua_next(lua_State *L);
void kj_table_lib_open(lua_State *L);   // env on top
void kj_string_lib_open(lua_State *L);  // string and utf8; env on top
void kj_pattern_lib_open(lua_State *L); // find match gmatch gsub; the string table on top
void kj_time_lib_open(lua_State *L);    // the kejue table on top
void kj_text_lib_open(lua_State *L);    // the kejue table on top
void kj_data_lib_open(lua_State *L);    // kejue.json, kejue.phone; the kejue table on top
void kj_pack_lib_open(lua_State *L);    // kejue.rules, kejue.none; the kejue table on top
void kj_hook_lib_open(lua_State *L);    // kejue.hook, kejue.call …; the kejue table on top
void kj_tests_lib_open(lua_State *L);   // kejue.tests; the kejue table on top

// Moves the named members of the library on top into the table at `to`, its functions charged for
// the texts they are given; pops the library. `names` ends with NULL.
void kj_pick_charged(lua_State *L, int to, const char *const *names);

// Compiles and runs a source file of vm->sources; its results (one) stay on the stack.
void kj_sandbox_run_file(lua_State *L, const char *path);

// Freezes every table reachable from the value on top (popped), and from its functions' upvalues;
// notes the upvalues for kj_sandbox_reset.
void kj_sandbox_freeze(lua_State *L);
// Freezes the one table at `table` (absolute).
void kj_freeze_table(lua_State *L, int table);
// Sets captured locals back to what they were when they were noted.
void kj_sandbox_reset(lua_State *L);

// Pushes the table that really holds the members of the table at `index` (frozen ones keep them
// aside); pushes the table itself when it is not frozen.
void kj_raw_table(lua_State *L, int index);
bool kj_is_frozen(lua_State *L, int index);
// Sorts the array on top: numbers ascending, then texts by bytes, then booleans. Raises for other
// types.
void kj_sort_keys(lua_State *L);
// Pushes a sorted array of the keys of the table or view at `index`.
void kj_sorted_keys(lua_State *L, int index);
// c.vars, c.settings …: tables whose names are those of the pack (call_view.c).
bool kj_is_names(lua_State *L, int index);
void kj_names_push(lua_State *L, int index); // pushes a sorted array of the names
// tostring(): pushes a text without addresses. `index` is absolute.
void kj_push_text(lua_State *L, int index);
// The type as scripts see it: views are "table", instants "time".
const char *kj_type_name(lua_State *L, int index);

#endif
