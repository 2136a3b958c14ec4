// The state of one check and the calls between its files.
#ifndef KJ_SCHEMA_RUN_H
#define KJ_SCHEMA_RUN_H

#include "doc/schema_node.h"

struct kj_schema_place { // of the instance, for the pointer in a fault
    const struct kj_schema_place *parent;
    const char *key; // NULL: an index
    uint32_t key_length;
    uint32_t index;
};

struct kj_schema_scope { // resources entered on the way, the innermost first
    const struct kj_schema_scope *parent;
    uint32_t resource;
};

// Members that some keyword has evaluated, by number.
struct kj_schema_seen {
    uint64_t *bits;
    size_t count;
    uint64_t local[4];
};

struct kj_schema_run {
    const struct kj_schema *schema;
    struct kj_schema_report *report; // NULL: quiet, the first fault ends it
    pcre2_match_data *match;
    uint64_t steps, max_steps;
    int depth;
    unsigned failed_branches; // of anyOf and oneOf so far
    bool exhausted;           // out of steps or depth: nothing it says is a verdict but "no"
};

// One instance under one node: all that a keyword's check needs.
struct kj_schema_case {
    struct kj_schema_run *run;
    const struct kj_schema_node *node;
    const struct kj_element *value;
    uint8_t type;
    const struct kj_schema_place *place;
    const struct kj_schema_scope *scope;
    struct kj_schema_seen *seen; // NULL when nobody asks
};

bool kj_schema_judge(struct kj_schema_run *run, const struct kj_schema_node *node,
                     const struct kj_element *value, const struct kj_schema_place *place,
                     const struct kj_schema_scope *scope, struct kj_schema_seen *seen);
int kj_schema_check_element(const struct kj_schema *schema, const struct kj_element *value,
                            struct kj_schema_report *report);
bool kj_schema_judge_object(const struct kj_schema_case *c);
bool kj_schema_judge_array(const struct kj_schema_case *c);
bool kj_schema_judge_text(const struct kj_schema_case *c);
bool kj_schema_judge_number(const struct kj_schema_case *c);
bool kj_schema_judge_values(const struct kj_schema_case *c);
bool kj_schema_judge_logic(const struct kj_schema_case *c);
bool kj_schema_judge_rest(const struct kj_schema_case *c); // unevaluated…
bool kj_schema_match(struct kj_schema_run *run, const pcre2_code *code, const char *text,
                     size_t length);
// Judges without a report; true when it holds.
bool kj_schema_try(const struct kj_schema_case *c, const struct kj_schema_node *node,
                   struct kj_schema_seen *seen);
bool kj_schema_is_multiple(const struct kj_element *value, const struct kj_element *of);
size_t kj_schema_members(const struct kj_element *value);

void kj_schema_seen_init(struct kj_schema_seen *seen, size_t count);
void kj_schema_seen_fini(struct kj_schema_seen *seen);
void kj_schema_seen_merge(struct kj_schema_seen *into, const struct kj_schema_seen *from);

static inline void kj_schema_seen_set(struct kj_schema_seen *seen, size_t number)
{
    if (seen && number < seen->count)
        seen->bits[number >> 6] |= 1ull << (number & 63);
}

static inline bool kj_schema_seen_has(const struct kj_schema_seen *seen, size_t number)
{
    return number < seen->count && (seen->bits[number >> 6] >> (number & 63) & 1);
}

// Notes a fault (when anybody listens) and returns false.
bool kj_schema_fault(struct kj_schema_run *run, const struct kj_schema_place *place,
                     const char *keyword, const char *format, ...) KJ_PRINTF(4, 5);
// True when the check goes on after a fault to find more of them.
static inline bool kj_schema_goes_on(const struct kj_schema_run *run)
{
    return run->report && !run->exhausted && run->report->count < run->report->limit;
}
// The sentences that take some looking.
void kj_schema_say_unknown(const struct kj_schema_case *c, const struct kj_schema_place *place,
                           const char *keyword, const struct kj_element *member);
bool kj_schema_say_type(const struct kj_schema_case *c);
bool kj_schema_say_values(const struct kj_schema_case *c);
bool kj_schema_say_branches(const struct kj_schema_case *c, const char *keyword,
                            const struct kj_schema_node *const *branches, size_t count);

#endif
