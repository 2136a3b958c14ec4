// Checking a pack's tables while compiling them: every fault names the file, the line, what is
// wrong and the nearest name that would be right.
#ifndef KJ_PACK_CHECK_H
#define KJ_PACK_CHECK_H

#include "script/rules.h"

struct kj_load {
    lua_State *L;
    struct kj_rules *rules;
    char path[200]; // of what is being checked: "success[2]"
};

// The path grows by a name (or, when NULL, by [index]); the result is what leave takes.
size_t kj_load_enter(struct kj_load *load, const char *key, lua_Integer index);
void kj_load_leave(struct kj_load *load, size_t length);
// "rules/solar.lua:12" of the present path, kept with the rules.
const char *kj_load_at(struct kj_load *load);
int kj_load_fail(struct kj_load *load, const char *format, ...) KJ_PRINTF(2, 3);
// Every key of the table at `index` must be one of these; `what` is the word for them.
void kj_load_keys(struct kj_load *load, int index, const char *what, const char *const *names,
                  size_t count);
// A name that must be one of `names`.
void kj_load_one_of(struct kj_load *load, const char *value, const char *what,
                    const char *const *names, size_t count);
// Members of the table at `index`; each checks the type. Texts are kept with the rules.
const char *kj_load_text(struct kj_load *load, int index, const char *key, bool required);
int kj_load_function(struct kj_load *load, int index, const char *key); // reference or KJ_NO_REF
bool kj_load_number(struct kj_load *load, int index, const char *key, double *value);
bool kj_load_span(struct kj_load *load, int index, const char *key, int64_t *ms);
// Pushes the member; false (and nothing pushed) when absent. It must be a table.
bool kj_load_table(struct kj_load *load, int index, const char *key);
// A list of texts.
const char **kj_load_texts(struct kj_load *load, int index, const char *key, size_t *count);
int kj_load_reference(struct kj_load *load, int index); // of the value at `index`
// A sentence for the model: its index in rules->texts.
int kj_load_question(struct kj_load *load, const char *text);
// Calls `each` for the members of the table at `index`, sorted, with the name (the value is on
// top).
void kj_load_each(struct kj_load *load, int index,
                  void (*each)(struct kj_load *load, const char *name, void *arg), void *arg);
size_t kj_load_count(struct kj_load *load, int index); // members of a raw table

// The parts, one file each.
void kj_load_rows(struct kj_load *load, int pack, const char *key, struct kj_rows *rows,
                  int value_kind, const struct kj_scale *scale);
void kj_load_rows_at(struct kj_load *load, int table, struct kj_rows *rows, int value_kind,
                     const struct kj_scale *scale);
enum { KJ_ROW_LEVEL, KJ_ROW_POINTS, KJ_ROW_WORD, KJ_ROW_TEMPLATE };
void kj_load_scale(struct kj_load *load, int table, struct kj_scale *scale);
void kj_load_judgements(struct kj_load *load, int pack); // success verdicts score status tags
void kj_load_values(struct kj_load *load, int pack);     // settings and variables
void kj_load_templates(struct kj_load *load, int pack);
void kj_load_follow_up(struct kj_load *load, int pack); // retry callback appointments effects …
void kj_load_describe(struct kj_load *load, int pack);
void kj_load_warnings(struct kj_load *load, int pack); // into what is described

extern const char kj_key_none;

#endif
