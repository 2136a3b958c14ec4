// What two plans for one call have in common: the old one as it was carried out, the new one as a
// script gave it. Pure; used on the scripts' threads.
#ifndef KJ_CONTRAST_H
#define KJ_CONTRAST_H

#include "doc/doc.h"

enum kj_change {
    KJ_CHANGE_SAME,
    KJ_CHANGE_IMPROVED,
    KJ_CHANGE_WORSE,
    KJ_CHANGE_OTHER, // the levels differ, and the scale puts neither above the other
    KJ_CHANGE_COUNT
};
extern const char *const kj_change_names[KJ_CHANGE_COUNT];

// `levels` is an array, best first; a level may be NULL.
enum kj_change kj_contrast_levels(const bson_t *levels, const char *old, const char *now);
// What people see of a plan that was carried out: {success, score, template, lead_status, callback,
// opt_out, tags[], variables{name: value}}, each absent when there is none. The caller destroys it.
bson_t *kj_contrast_outcome(const bson_t *plan);
// The same of a plan as the script gave it: what decide.c rules after every script is applied, as
// far as the facts tell it (a callback is not moved into the hours). `recorded`: of another system,
// nobody is called back.
bson_t *kj_contrast_outcome_ruled(const bson_t *plan, const bson_t *facts, bool recorded);
// The names of what differs ("success", "variables.budget"): appended to the array. How many.
size_t kj_contrast_list(const bson_t *old, const bson_t *now, bson_t *array);

#endif
