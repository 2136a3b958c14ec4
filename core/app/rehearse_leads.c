// The leads that nobody called in the rehearsal, and why: those that no time and no line can help,
// and those for whom the days were not enough.
#include "app/rehearse.h"

#include "base/alloc.h"
#include "doc/tally.h"

#include <stdlib.h>
#include <string.h>

enum { k_examples = 5, k_groups_most = 50 };

struct group {
    char reason[32], text[256];
    int64_t leads;
    bson_t examples;
    struct kj_doc_list list;
};

struct groups {
    struct group *rows[k_groups_most];
    size_t count;
};

struct leads {
    struct groups never, late;
    struct kj_map states, messages;
    int64_t open;
};

static struct group *find_group(struct groups *groups, const char *reason, const char *text)
{
    for (size_t i = 0; i < groups->count; i++)
        if (strcmp(groups->rows[i]->reason, reason) == 0 &&
            (strcmp(groups->rows[i]->text, text) == 0 || i + 1 == k_groups_most))
            return groups->rows[i];
    if (groups->count == k_groups_most) // reasons without end: the rest stand together
        return groups->rows[k_groups_most - 1];
    struct group *group = groups->rows[groups->count++] = KJ_NEW(struct group);
    kj_copy(group->reason, sizeof group->reason, reason);
    kj_copy(group->text, sizeof group->text, text);
    bson_init(&group->examples);
    group->list = (struct kj_doc_list){&group->examples};
    return group;
}

static void add_to(struct groups *groups, const char *reason, const bson_t *job)
{
    char text[256]; // cut as the group's own is
    kj_copy(text, sizeof text, kj_doc_text(job, "reason", reason));
    struct group *group = find_group(groups, reason, text);
    if (group->leads++ < k_examples)
        kj_doc_put_text(&group->examples, kj_doc_next(&group->list), kj_doc_text(job, "to", ""));
}

static void add_call_job(struct leads *leads, const bson_t *job)
{
    const char *state = kj_doc_text(job, "state", "");
    bool open = strcmp(state, "waiting") == 0 || strcmp(state, "running") == 0;
    kj_tally_add(&leads->states, state, 1);
    leads->open += open;
    if (kj_doc_int(job, "dials", 0) > 0)
        return;
    if (open)
        add_to(&leads->late, "waiting", job);
    else
        add_to(&leads->never, kj_doc_text(job, "outcome", state), job);
}

static void add_job(void *arg, const bson_t *job)
{
    struct leads *leads = arg;
    const char *kind = kj_doc_text(job, "kind", "");
    if (strcmp(kind, "call") == 0)
        add_call_job(leads, job);
    else if (strcmp(kind, "effect") == 0)
        kj_tally_add(&leads->messages, kj_doc_text(job, "payload.verb", NULL), 1);
}

static int by_size(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    if (x->leads != y->leads)
        return x->leads > y->leads ? -1 : 1;
    return strcmp(x->text, y->text);
}

static void put_groups(bson_t *to, const char *name, struct groups *groups)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    qsort(groups->rows, groups->count, sizeof groups->rows[0], by_size);
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = groups->rows[i];
        bson_t row = BSON_INITIALIZER;
        kj_doc_put_text(&row, "reason", group->reason);
        kj_doc_put_text(&row, "text", group->text);
        kj_doc_put_int(&row, "leads", group->leads);
        kj_doc_put_array(&row, "examples", &group->examples);
        kj_doc_put_doc(&array, kj_doc_next(&list), &row);
        bson_destroy(&row);
        bson_destroy(&group->examples);
        free(group);
    }
    kj_doc_put_array(to, name, &array);
    bson_destroy(&array);
}

int kj_rehearsal_put_leads(struct kj_rehearsal *rehearsal, bson_t *result, int64_t *open)
{
    struct leads *leads = KJ_NEW(struct leads);
    kj_map_init(&leads->states);
    kj_map_init(&leads->messages);
    int rc = kj_rehearsal_each(rehearsal, KJ_JOBS, add_job, leads);
    *open = leads->open;
    kj_tally_put(result, "jobs", &leads->states);
    kj_map_fini(&leads->states);
    put_groups(result, "never", &leads->never);
    put_groups(result, "not_in_time", &leads->late);
    kj_tally_put(result, "messages", &leads->messages);
    kj_map_fini(&leads->messages);
    free(leads);
    return rc;
}
