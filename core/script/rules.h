// A rule pack, compiled for one Lua state: rows, variables, templates, with the place of each in
// its file. Functions are registry references of that state. Immutable after loading.
#ifndef KJ_RULES_H
#define KJ_RULES_H

#include "doc/doc.h"
#include "script/pack_lines.h"
#include "script/plan_out.h"
#include "script/vm.h"

enum { KJ_NO_REF = -1, KJ_MAX_ROWS = 200, KJ_MAX_VARIABLES = 200, KJ_MAX_CHAIN = 8 };

struct kj_condition {
    int text;     // index into texts, or -1
    int function; // registry reference, or KJ_NO_REF
};

struct kj_row {
    const char *value; // level, status, tag, template ("" = none), scope
    double points;     // score
    struct kj_condition *conditions;
    size_t count;
    const char *at; // "rules/solar.lua:12"
    // As explain tells them, encoded once: {row, at} and {value}.
    struct kj_out place, shown;
};

struct kj_rows {
    const char *section; // "success", "verdicts.fit"
    struct kj_row *rows;
    size_t count;
};

struct kj_scale {
    const char *name;
    const char *const *levels; // best first
    size_t count;
    uint64_t succeeds; // bit per level
};

struct kj_verdict_def {
    const char *name;
    struct kj_scale scale;
    struct kj_rows rows;
};

enum kj_value_type {
    KJ_TYPE_INTEGER,
    KJ_TYPE_NUMBER,
    KJ_TYPE_STRING,
    KJ_TYPE_BOOLEAN,
    KJ_TYPE_ENUM,
    KJ_TYPE_DATE,
    KJ_TYPE_DATETIME,
    KJ_TYPE_LIST,
    KJ_TYPE_COUNT
};
extern const char *const kj_value_type_names[KJ_TYPE_COUNT];

struct kj_variable {
    const char *name;
    const char *section; // "variables.budget"
    enum kj_value_type type;
    const char *pattern;
    const char *const *values; // enum
    size_t value_count;
    bool has_min, has_max, asked;
    const char **questions; // `ask` in all languages, folded; until NULL
    double min, max;
    int validate, from; // functions, or KJ_NO_REF
    int fallback;       // `default`, a reference
    const char *at;
};

struct kj_setting {
    const char *name;
    enum kj_value_type type;
    const char *const *values;
    size_t value_count;
    int fallback;
};

struct kj_parameter {
    const char *name; // NULL for a positional one
    int value;        // reference of a function or a constant
    bool computed;
};

struct kj_template {
    const char *name;
    const char *const *languages;
    size_t language_count;
    const char *fallback_language;
    const char *after, *otherwise; // may be NULL
    struct kj_parameter *parameters;
    size_t parameter_count;
    bool positional;
    struct kj_parameter header; // value KJ_NO_REF: none
    struct kj_parameter *buttons;
    size_t button_count;
    const char *at;
};

struct kj_retry_rule {
    bool present;
    int function; // decides all, or KJ_NO_REF
    int when;     // extra condition
    int64_t gaps_minutes[20];
    size_t gap_count;
    const char *on[16];
    size_t on_count;
    const char *at;
};

struct kj_appointment_rule {
    bool present;
    const char *verb, *title; // title may be NULL
    int when;
    int title_function;
    int64_t duration_minutes;
    bool book; // the engine books it; else that is a hook's
    const char *at;
};

enum kj_score_kind { KJ_SCORE_NONE, KJ_SCORE_ROWS, KJ_SCORE_TEXT, KJ_SCORE_FUNCTION };

struct kj_rules {
    struct kj_vm *vm;
    const char *name, *path;
    struct kj_lines lines[KJ_MAX_CHAIN]; // own file first, then what it extends
    const char *files[KJ_MAX_CHAIN];
    size_t file_count;
    const char **texts;
    size_t text_count;
    struct kj_setting *settings;
    size_t setting_count;
    struct kj_variable *variables;
    size_t variable_count;
    struct kj_scale scale;
    struct kj_rows success, lead_status, tags, template, opt_out;
    struct kj_verdict_def *verdicts;
    size_t verdict_count;
    enum kj_score_kind score_kind;
    struct kj_rows score;
    int score_function, score_text;
    const char *score_at;
    struct kj_retry_rule retry;
    int callback_when;
    bool callback_present;
    int64_t callback_expires_ms;
    const char *callback_at;
    struct kj_appointment_rule appointment;
    struct kj_template *templates;
    size_t template_count;
    int effects, lead_changes; // references of a function or a table
    const char *effects_at, *lead_changes_at;
    bool preselection;
    int criteria_text; // index into texts, or -1
    int overwrites;
    struct kj_rows decide;
    int decide_function;
    const char *preselection_at;
    bson_t *describe; // what kj_script_describe tells, but for hash and sources
    void **blocks;    // memory of all the above
    size_t block_count;
};

// Loads rules/NAME.lua of vm->sources into the state: runs it, checks every key, compiles, freezes.
// KJ_EPARSE with file:line.
int kj_rules_load(struct kj_vm *vm, const char *path, struct kj_rules **rules,
                  struct kj_fault *fault) KJ_MUST_USE;
void kj_rules_destroy(struct kj_rules *rules); // not the state

void *kj_rules_alloc(struct kj_rules *rules, size_t size);
const char *kj_rules_text(struct kj_rules *rules, const char *text);
const struct kj_template *kj_rules_template(const struct kj_rules *rules, const char *name);
int kj_rules_variable(const struct kj_rules *rules, const char *name); // index or -1
// Is this value one of the type (before min, max, pattern)? `index` is absolute.
bool kj_value_fits(lua_State *L, int index, enum kj_value_type type, const char *const *values,
                   size_t count);

#endif
