// JSON Schema (draft 2020-12) over BSON: a schema is compiled once, then judges documents.
//
// A verdict lists every fault with its JSON Pointer, the keyword and a sentence a person can act
// on. `format` is asserted for: date-time, date, time, email, uri, uuid, e164, iana-tz, language
// (BCP 47). A BSON date satisfies {"type":"string","format":"date-time"}. Compiled schemas are
// immutable and may be used by every thread.
#ifndef KJ_SCHEMA_H
#define KJ_SCHEMA_H

#include "doc/doc.h"

struct kj_schema;

struct kj_schema_fault {
    char pointer[256]; // of the instance, "" = root
    char keyword[32];
    char text[256]; // "must be at most 24", "unknown field, did you mean "name"?"
};

// Filled by a check; init to zero, fini after use. At most `limit` faults are kept (0 = 50).
struct kj_schema_report {
    struct kj_schema_fault *faults;
    size_t count, limit;
};

// Finds the document for a $ref that leaves the schema ("documents/lead.json"); NULL when unknown.
typedef const bson_t *kj_schema_resolve(void *arg, const char *name);

// Where a schema begins, and by which rules it is read.
struct kj_schema_start {
    const bson_t *source;
    const char *name;       // its URI, "" when it has none
    const char *member;     // the member of the source that is the schema; NULL = the whole
    bool formats_are_notes; // `format` asserts nothing, as in the standard's own dialect
};

// KJ_ESCHEMA with the JSON Pointer of the fault in the schema. `resolve` may be NULL.
int kj_schema_compile_from(const struct kj_schema_start *start, kj_schema_resolve *resolve,
                           void *arg, struct kj_schema **schema,
                           struct kj_fault *fault) KJ_MUST_USE;
// The same for a whole document without a name.
int kj_schema_compile(const bson_t *source, kj_schema_resolve *resolve, void *arg,
                      struct kj_schema **schema, struct kj_fault *fault) KJ_MUST_USE;
void kj_schema_destroy(struct kj_schema *schema);

// 0, or KJ_ESCHEMA with the report filled. `report` may be NULL (first fault ends the check).
int kj_schema_check(const struct kj_schema *schema, const bson_t *doc, bool is_array,
                    struct kj_schema_report *report);
// One value instead of a whole document.
int kj_schema_check_value(const struct kj_schema *schema, const bson_iter_t *value,
                          struct kj_schema_report *report);
// The same, with the first fault (and how many more) as one sentence.
int kj_schema_check_fault(const struct kj_schema *schema, const bson_t *doc,
                          struct kj_fault *fault);
void kj_schema_report_fini(struct kj_schema_report *report);

// --- the schemas of schemas/, embedded at build time ---

// By path under schemas/ without ".json": "documents/lead", "commands/campaign.start" … NULL when
// unknown. The parsed file; lives as long as the process.
const bson_t *kj_schema_source(const char *name);
// The schema at `name`, or at a member of it: ("commands/campaign.start", "request"). Compiled at
// first use, any thread. NULL with a logged fault when it does not compile or does not exist.
const struct kj_schema *kj_schema_get(const char *name, const char *member);
// All names that start with `prefix`, sorted; returns the count, writes at most `size` of them.
size_t kj_schema_names(const char *prefix, const char **names, size_t size);

#endif
