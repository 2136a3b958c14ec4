// Intake of leads: rows of somebody's list are normalised on the pool (phone numbers cost 50 µs
// each), then stored in one request; each row is accepted, merged, a duplicate, or refused with its
// reason and line.
#include "base/alloc.h"
#include "base/log.h"
#include "doc/csv.h"
#include "engine/hook_jobs.h"
#include "engine/path.h"
#include "model/lead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { k_most_rows = 10000, k_told_again_ms = 86400000 };

struct row {
    bson_t *lead;
    int64_t line;
    char reason[32], text[256];
    int64_t id;
    bson_t *arrived; // the lead as stored, for hooks on lead.arrived; NULL: they hear nothing
    enum { ACCEPTED, UPDATED, DUPLICATE, REFUSED } outcome;
};

struct import {
    struct kj_engine *engine;
    char workspace[64];
    bson_t *rows_doc, *defaults;
    struct row *rows;
    size_t count, pending;
    size_t listeners; // hooks on lead.arrived
    int status;
    struct kj_work work;
    kj_engine_done *done;
    void *arg;
};

static void import_free(struct import *import)
{
    for (size_t i = 0; i < import->count; i++)
        kj_doc_clear(&import->rows[i].lead), kj_doc_clear(&import->rows[i].arrived);
    free(import->rows);
    kj_doc_clear(&import->rows_doc);
    kj_doc_clear(&import->defaults);
    free(import);
}

static const char *list_of(const struct import *import)
{
    return kj_doc_text(import->defaults, "list", "");
}

static void put_refused(const struct import *import, bson_t *result)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < import->count; i++) {
        const struct row *row = &import->rows[i];
        if (row->outcome != REFUSED && row->outcome != DUPLICATE)
            continue;
        bson_t one = BSON_INITIALIZER;
        kj_doc_put_int(&one, "line", row->line);
        kj_doc_put_text(&one, "reason", row->outcome == DUPLICATE ? "duplicate" : row->reason);
        kj_doc_put_text(&one, "text", row->text);
        kj_doc_put_doc(&array, kj_doc_next(&list), &one);
        bson_destroy(&one);
    }
    kj_doc_put_array(result, "refused", &array);
    bson_destroy(&array);
}

// What became of each row, for those who go on with it.
static void put_leads(const struct import *import, bson_t *result)
{
    bson_t array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < import->count; i++) {
        const struct row *row = &import->rows[i];
        bson_t one = BSON_INITIALIZER;
        if (row->outcome == REFUSED) {
            kj_doc_put_text(&one, "reason", row->reason);
            kj_doc_put_text(&one, "text", row->text);
        } else {
            kj_doc_put_int(&one, "id", row->id);
            kj_doc_put_from(&one, "phone_number", row->lead, "phone_number");
        }
        kj_doc_put_doc(&array, kj_doc_next(&list), &one);
        bson_destroy(&one);
    }
    kj_doc_put_array(result, "leads", &array);
    bson_destroy(&array);
}

static void import_end(struct import *import)
{
    struct kj_fault fault;
    bson_t result = BSON_INITIALIZER, ids = BSON_INITIALIZER;
    struct kj_doc_list list = {&ids};
    int64_t counts[4] = {0};
    for (size_t i = 0; i < import->count; i++) {
        const struct row *row = &import->rows[i];
        counts[row->outcome]++;
        if (row->outcome == ACCEPTED || row->outcome == UPDATED)
            kj_doc_put_int(&ids, kj_doc_next(&list), row->id);
    }
    kj_doc_put_int(&result, "rows", (int64_t)import->count);
    kj_doc_put_int(&result, "accepted", counts[ACCEPTED] + counts[UPDATED]);
    kj_doc_put_int(&result, "updated", counts[UPDATED]);
    kj_doc_put_int(&result, "duplicates", counts[DUPLICATE]);
    kj_doc_put_text(&result, "list", list_of(import));
    kj_doc_put_array(&result, "lead_ids", &ids);
    put_refused(import, &result);
    if (kj_doc_bool(import->defaults, "single", false))
        put_leads(import, &result);
    kj_fault(&fault, import->status, NULL, "send the same rows again: nothing is taken twice",
             "the leads could not be stored");
    import->done(import->arg, import->status, &result, import->status ? &fault : NULL);
    bson_destroy(&ids);
    bson_destroy(&result);
    import_free(import);
}

// --- lead.arrived, for hooks ---

static void on_told(struct kj_store_request *request)
{
    struct import *import = request->arg;
    for (size_t i = 0; i < request->n_ops; i++)
        if (request->ops[i].status != KJ_OK && request->ops[i].status != KJ_EEXISTS)
            import->status = request->ops[i].status;
    kj_queue_wake(import->engine->queue, "hook", kj_loop_now(import->engine->loop));
    import_end(import);
}

static void put_arrival(const struct import *import, const struct row *row,
                        struct kj_store_request *request, size_t first)
{
    bson_t event = BSON_INITIALIZER, id = BSON_INITIALIZER;
    char once[48];
    kj_doc_put_int(&id, "id", row->id);
    bson_t *lead = kj_doc_with(row->arrived, &id);
    snprintf(once, sizeof once, "lead.arrived:%lld", (long long)row->id);
    kj_doc_put_text(&event, "name", "lead.arrived");
    kj_doc_put_time(&event, "at", kj_loop_now(import->engine->loop));
    kj_doc_put_doc(&event, "lead", lead);
    struct kj_hook_event told = {
        .name = "lead.arrived", .once = once, .event = &event, .priority = 50};
    kj_hook_jobs_put(import->engine, &told, request, first);
    bson_destroy(lead);
    bson_destroy(&id);
    bson_destroy(&event);
}

// The import is acknowledged once the hooks' jobs are stored. When that was cut off, the same rows
// come again: leads made within a day then tell it again, under keys that let nothing run twice.
static void tell_hooks(struct import *import)
{
    size_t arrived = 0, first = 0;
    for (size_t i = 0; i < import->count; i++)
        arrived += import->rows[i].arrived != NULL;
    import->listeners = kj_hook_listeners(import->engine, "lead.arrived"); // as they are now
    if (arrived * import->listeners == 0) {
        import_end(import);
        return;
    }
    struct kj_store_request *request =
        kj_store_request(arrived * import->listeners, import->workspace, on_told, import);
    for (size_t i = 0; i < import->count; i++)
        if (import->rows[i].arrived) {
            put_arrival(import, &import->rows[i], request, first);
            first += import->listeners;
        }
    kj_store_submit(import->engine->store, request);
}

// --- rows that are there already ---

struct merge {
    struct import *import;
    struct row *row;
};

static int merge_lead(void *arg, const bson_t *lead, bson_t **next, bson_t **events)
{
    struct merge *merge = arg;
    (void)events;
    const char *list = list_of(merge->import);
    if (lead == NULL)
        return KJ_ENOTFOUND;
    int64_t age = kj_loop_now(merge->import->engine->loop) - kj_doc_time(lead, "created_at", 0);
    kj_doc_clear(&merge->row->arrived); // of a round before
    if (merge->import->listeners && age < k_told_again_ms)
        merge->row->arrived = bson_copy(lead);
    if (!kj_doc_bool(merge->import->defaults, "single", false) &&
        kj_streq(kj_doc_text(lead, "list", ""), list)) {
        merge->row->outcome = DUPLICATE;
        snprintf(merge->row->text, sizeof merge->row->text, "%s stands in this list already",
                 kj_doc_text(lead, "phone_number", ""));
        return KJ_MODIFY_SKIP;
    }
    merge->row->outcome = UPDATED;
    *next = kj_doc_merge(lead, merge->row->lead);
    return KJ_OK;
}

static void on_merged(void *arg, int status, const bson_t *lead)
{
    struct merge *merge = arg;
    struct import *import = merge->import;
    (void)lead;
    if (status != KJ_OK)
        import->status = status;
    free(merge);
    if (--import->pending == 0)
        tell_hooks(import);
}

static void merge_row(struct import *import, struct row *row)
{
    struct merge *merge = KJ_NEW(struct merge);
    *merge = (struct merge){import, row};
    import->pending++;
    struct kj_modify modify = {.store = import->engine->store,
                               .workspace = import->workspace,
                               .coll = KJ_LEADS,
                               .id = row->id,
                               .change = merge_lead,
                               .done = on_merged,
                               .arg = merge};
    kj_modify(&modify);
}

static void on_inserted(struct kj_store_request *request)
{
    struct import *import = request->arg;
    size_t op = 0;
    import->pending = 1;
    for (size_t i = 0; i < import->count; i++) {
        struct row *row = &import->rows[i];
        if (row->outcome == REFUSED)
            continue;
        struct kj_store_op *done = &request->ops[op++];
        row->id = done->new_id;
        if (done->status == KJ_EEXISTS)
            merge_row(import, row);
        else if (done->status != KJ_OK)
            import->status = done->status;
        else if (import->listeners)
            row->arrived = bson_copy(done->doc);
    }
    if (--import->pending == 0)
        tell_hooks(import);
}

static bson_t *imported_event(const struct import *import, size_t stored)
{
    bson_t data = BSON_INITIALIZER, *events = bson_new();
    struct kj_doc_list list = {events};
    kj_doc_put_text(&data, "list", list_of(import));
    kj_doc_put_int(&data, "rows", (int64_t)import->count);
    kj_doc_put_int(&data, "stored", (int64_t)stored);
    kj_event_add(&list, "lead.imported", &data);
    bson_destroy(&data);
    return events;
}

static void on_parsed(struct kj_work *work)
{
    struct import *import = (struct import *)((char *)work - offsetof(struct import, work));
    size_t good = 0, op = 0;
    if (work->canceled) { // no row was looked at
        import->status = KJ_ECANCELED;
        import->count = 0;
    }
    for (size_t i = 0; i < import->count; i++)
        good += import->rows[i].outcome != REFUSED;
    if (good == 0) {
        import_end(import);
        return;
    }
    struct kj_store_request *request =
        kj_store_request(good, import->workspace, on_inserted, import);
    int64_t now = kj_loop_now(import->engine->loop);
    for (size_t i = 0; i < import->count; i++) {
        struct row *row = &import->rows[i];
        if (row->outcome == REFUSED)
            continue;
        bson_t *lead = bson_copy(row->lead);
        kj_doc_put_text(lead, "status", "pending");
        kj_doc_put_int(lead, "contact_attempts", 0);
        kj_doc_put_time(lead, "created_at", now);
        request->ops[op].verb = KJ_STORE_INSERT;
        request->ops[op].coll = KJ_LEADS;
        kj_store_own_doc(request, op++, lead);
    }
    kj_store_own_events(request, op - 1, imported_event(import, good));
    kj_store_submit(import->engine->store, request);
}

static void parse_rows(struct kj_work *work)
{
    struct import *import = (struct import *)((char *)work - offsetof(struct import, work));
    bson_iter_t at;
    size_t i = 0;
    bson_iter_init(&at, import->rows_doc);
    while (bson_iter_next(&at) && i < import->count) {
        struct row *row = &import->rows[i++];
        struct kj_fault fault;
        bson_t fields;
        row->line = (int64_t)i;
        row->outcome = REFUSED;
        if (!kj_doc_at(&at, &fields)) {
            kj_copy(row->reason, sizeof row->reason, "not_a_row");
            continue;
        }
        row->line = kj_doc_int(&fields, "line", row->line);
        if (kj_lead_from_row(&fields, import->defaults, &row->lead, &fault) == KJ_OK) {
            row->outcome = ACCEPTED;
        } else {
            kj_copy(row->reason, sizeof row->reason, fault.place);
            kj_copy(row->text, sizeof row->text, fault.text);
        }
    }
}

void kj_intake_leads(struct kj_engine *engine, const char *workspace, const bson_t *rows,
                     const bson_t *defaults, kj_engine_done *done, void *arg)
{
    struct kj_fault fault;
    size_t count = bson_count_keys(rows);
    if (count > k_most_rows) {
        kj_fault(&fault, KJ_ELIMIT, "/rows", "send them in parts", "at most %d rows at once",
                 k_most_rows);
        done(arg, KJ_ELIMIT, NULL, &fault);
        return;
    }
    struct import *import = KJ_NEW(struct import);
    bson_t country = BSON_INITIALIZER;
    if (!kj_doc_has(defaults, "country") && engine->default_country[0])
        kj_doc_put_text(&country, "country", engine->default_country);
    import->engine = engine;
    kj_copy(import->workspace, sizeof import->workspace, workspace);
    import->rows_doc = bson_copy(rows);
    import->defaults = kj_doc_with(defaults, &country);
    import->count = count;
    if (!kj_doc_bool(defaults, "recorded", false)) // history: nobody arrives
        import->listeners = kj_hook_listeners(engine, "lead.arrived");
    import->rows = kj_alloc(sizeof *import->rows * (count ? count : 1));
    import->done = done;
    import->arg = arg;
    import->work.work = parse_rows;
    import->work.done = on_parsed;
    bson_destroy(&country);
    if (kj_pool_submit(engine->pool, &import->work) != KJ_OK) {
        kj_fault(&fault, KJ_EUNAVAILABLE, NULL, "try again in a few seconds",
                 "too many imports are under way");
        done(arg, KJ_EUNAVAILABLE, NULL, &fault);
        import_free(import);
    }
}
