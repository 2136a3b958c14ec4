// One evaluation of a pack over the facts of one call: what is computed so far, what is being
// computed (cycles), what was read (explain), and the plan that grows.
#ifndef KJ_EVAL_H
#define KJ_EVAL_H

#include "script/plan_out.h"
#include "script/rules.h"
#include "script/view.h"

enum kj_truth { KJ_FALSE, KJ_TRUE, KJ_UNKNOWN };

enum kj_var_state {
    KJ_VAR_OPEN, // not computed yet
    KJ_VAR_BUSY,
    KJ_VAR_VALUE,
    KJ_VAR_UNKNOWN,
    KJ_VAR_NOT_ASKED,
    KJ_VAR_INVALID,
    KJ_VAR_DERIVED
};

struct kj_var_result {
    enum kj_var_state state;
    int64_t turn; // 1-based, 0 = none
    const char *quote;
    uint32_t quote_length;
    bool has_agreement;
    double agreement;
    char reason[96]; // why it is invalid
};

enum kj_result_state { KJ_RESULT_OPEN, KJ_RESULT_BUSY, KJ_RESULT_DONE };

struct kj_result {
    enum kj_result_state state;
    const char *value; // level, status; NULL = none
};

enum { KJ_MAX_NESTING = 24, KJ_MAX_FAULTS = 32, KJ_MAX_TAGS = 50 };

// A section under way: what it read, its entry of explain, the part of the plan it makes. Buffers
// are kept from one use to the next.
struct kj_frame {
    const char *name;
    struct kj_reads reads;
    struct kj_out entry, skipped, matched; // matched: rows that matched, where several may
    uint32_t skipped_count, matched_count;
    bool has_result;
    bson_t result; // kj_frame_result
};

// Which fact the member at a place was in the call before.
struct kj_fact_place {
    char key[16];
    uint32_t length; // 0 = none, or a longer one
    enum kj_fact fact;
};

enum kj_eval_kind { KJ_EVAL_CALL, KJ_EVAL_PRESELECTION, KJ_EVAL_REEVALUATION };

struct kj_eval {
    struct kj_vm *vm;
    lua_State *L;
    bson_t facts;                                 // borrowed until the end
    struct kj_element members[KJ_FACTS + 1];      // of the facts; the last takes all others
    struct kj_element texts_said, variables_said; // of facts.answers; empty documents when absent
    enum kj_eval_kind kind;
    bool reached, has_score, has_spoken, park;
    bool refused;        // an opt-out is in the plan
    bool careful;        // each section under a protected call of its own (kj_eval_run)
    int guards;          // else: sections under way that would have one,
    const char *section; // and the outermost of them
    char language[16];
    const char *skipped; // why no model answered, or NULL
    struct kj_result success, lead_status, score_state, tags_state;
    double score;
    const char *tags[KJ_MAX_TAGS];
    size_t tag_count;
    int nesting;    // frames in use
    uint32_t shown; // bit per place: c's view of it is that of this call
    uint32_t explain_count, fault_count;
    struct kj_buf spoken; // what the assistant said, folded; filled when first needed
    // From here on not cleared for the next evaluation of this state.
    const struct kj_rules *rules;
    struct kj_fact_place places[24];
    const struct kj_zone *zone; // of the call before
    enum kj_truth *texts;
    struct kj_var_result *variables;
    struct kj_result *verdicts;
    char reason[200]; // of the row that was judged last
    char park_reason[300], last_fault[300];
    struct kj_out plan, explain, faults;    // members under construction
    struct kj_frame frames[KJ_MAX_NESTING]; // what runs now, outermost first
};

// Judges: a new plan (the caller destroys it), or KJ_EINVAL / KJ_EINTERNAL. A fault of the script
// is in the plan, not here; after it vm->stop may be set: then the state is to be thrown away.
int kj_eval_run(struct kj_vm *vm, const struct kj_rules *rules, const bson_t *facts, bson_t **plan,
                struct kj_fault *fault) KJ_MUST_USE;
// What a state keeps between two evaluations (vm->room); NULL is fine.
void kj_eval_destroy(struct kj_eval *eval);

void kj_eval_take_facts(struct kj_eval *eval);
// A member of the facts that is there and not null.
bool kj_eval_fact(const struct kj_eval *eval, enum kj_fact fact, struct kj_element *at);
// A member of such a document, as kj_doc_find, kj_doc_text and kj_doc_bool give it.
bool kj_eval_member(const struct kj_eval *eval, enum kj_fact fact, const char *name,
                    struct kj_element *at);
const char *kj_eval_text(const struct kj_eval *eval, enum kj_fact fact, const char *name,
                         const char *otherwise);
bool kj_eval_flag(const struct kj_eval *eval, enum kj_fact fact, const char *name, bool otherwise);

// --- shared by the parts; all inside the protected call ---
void kj_call_open(lua_State *L);         // metatables of c and its computed tables
void kj_call_push(struct kj_eval *eval); // pushes c; the same one for the whole evaluation
// Begins a section: a frame with an empty entry. Raises when it is already being computed.
struct kj_frame *kj_enter_section(struct kj_eval *eval, const char *name);
// The section's part of the plan, an empty document at first; destroyed when the section ends.
bson_t *kj_frame_result(struct kj_frame *frame);
// Ends it; with `explain` its entry goes into the plan.
void kj_leave_section(struct kj_eval *eval, bool explain);
// Runs `fn(arg)` so that an error in it is a fault of this section only. False on a fault; a limit
// goes through. Where the evaluation is not careful, an error goes through as well and makes it so.
bool kj_guarded(struct kj_eval *eval, const char *section, void (*fn)(struct kj_eval *, void *),
                void *arg);
// The frame's result becomes the document `key` of the plan.
void kj_put_result(struct kj_eval *eval, const char *key, struct kj_frame *frame);
void kj_add_fault(struct kj_eval *eval, const char *section, const char *message);
// Calls the function of a reference with c (and, when `language`, that); results as asked for.
void kj_call_function(struct kj_eval *eval, int reference, const char *language, int results);

// Rows. The index of the first row that matches, or -1; explains under the rows' section.
int kj_first_row(struct kj_eval *eval, const struct kj_rows *rows);
// Each row that matches, in order.
void kj_each_row(struct kj_eval *eval, const struct kj_rows *rows,
                 void (*hit)(struct kj_eval *, const struct kj_row *));
enum kj_truth kj_text_answer(struct kj_eval *eval, int text);

// Appends the list of what was read under "read".
void kj_explain_reads(struct kj_eval *eval, struct kj_out *entry, const struct kj_reads *reads);
// A section's entry: value, place and reason (each may be NULL).
void kj_explain_note(struct kj_eval *eval, struct kj_frame *frame, const char *at,
                     const char *value, const char *reason);

// Results, computed when first asked for.
const char *kj_success(struct kj_eval *eval);
const char *kj_verdict(struct kj_eval *eval, size_t index);
const char *kj_lead_status(struct kj_eval *eval);
bool kj_score(struct kj_eval *eval, double *score);
void kj_tags(struct kj_eval *eval);

// Variables.
struct kj_var_result *kj_variable(struct kj_eval *eval, size_t index); // computes
void kj_variable_value(struct kj_eval *eval, size_t index);            // pushes (nil when absent)
const char *kj_var_state_name(enum kj_var_state state);
void kj_note_variable(struct kj_eval *eval, size_t index);
void kj_note_result(struct kj_eval *eval, const char *name, const char *value); // value is kept
void kj_note_score(struct kj_eval *eval, const double *score);                  // NULL = none
void kj_setting_value(struct kj_eval *eval, size_t index);                      // pushes

// Parts of the plan.
void kj_plan_variables(struct kj_eval *eval);
void kj_plan_follow_up(struct kj_eval *eval); // next, appointment, opt_out, lead_changes, effects
void kj_plan_opt_out(struct kj_eval *eval);
void kj_plan_template(struct kj_eval *eval);
void kj_plan_lead_changes(struct kj_eval *eval);
void kj_plan_effects(struct kj_eval *eval);
void kj_plan_preselection(struct kj_eval *eval);

#endif
