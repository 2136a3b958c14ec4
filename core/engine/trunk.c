// Lines in use. Taking and freeing wait for the write under way and then go into the next one
// together; the document is small (one row per line), the write conditional.
#include "engine/trunk.h"

#include "base/alloc.h"
#include "doc/element.h"
#include "engine/kill_switch.h"
#include "engine/path.h"

#include <stdlib.h>
#include <string.h>

const char kj_trunk_key[] = "trunk:default";
const char kj_trunk_workspace[] = "default"; // the trunk is the house's, whoever calls

enum { k_most_rows = 4096, k_sweep_ms = 600000 };

struct kj_trunk_op {
    struct kj_trunk_op *next;
    char attempt_id[64];
    bson_t *slot; // NULL: free
    int most, most_campaign, status;
    void (*then)(void *arg, int status);
    void *arg;
};

// Views of the document they were read from, and of the wishes: every call takes and frees a line,
// and with copies of all the others this was a tenth of a rehearsal (perf), without 6 %
// (callgrind).
struct rows {
    struct row {
        const uint8_t *bytes;
        uint32_t length;
        const uint8_t *member; // as it stands in the document, at `place`; NULL: it is new
        size_t place;
    } * at;
    size_t count, room;
    bool changed;
};

static void add_row(struct rows *rows, const struct row *row)
{
    if (rows->count == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 32;
        rows->at = kj_realloc(rows->at, rows->room * sizeof *rows->at);
    }
    rows->at[rows->count++] = *row;
}

static void read_rows(const bson_t *doc, struct rows *rows)
{
    bson_t slots;
    struct kj_element slot;
    *rows = (struct rows){0};
    if (doc == NULL || !kj_doc_child(doc, "slots", &slots))
        return;
    struct kj_members members = kj_members_in(&slots);
    const uint8_t *member = members.at;
    for (size_t place = 0; kj_members_next(&members, &slot) && place < k_most_rows; place++) {
        if (slot.type == BSON_TYPE_DOCUMENT)
            add_row(rows, &(struct row){slot.data, slot.length, member, place});
        member = members.at;
    }
}

static const bson_t *row_doc(const struct rows *rows, size_t i, bson_t *view)
{
    if (!bson_init_static(view, rows->at[i].bytes, rows->at[i].length))
        bson_init(view); // too small for a document: nothing in it
    return view;
}

// How a row begins that kj_trunk_take has made: one look tells nearly always.
struct head {
    uint8_t bytes[16 + sizeof((struct kj_trunk_op *)0)->attempt_id];
    size_t key_length, length;
};

static void head_of(const char *attempt_id, struct head *head)
{
    static const char k_key[] = "\x02"
                                "attempt_id";
    size_t length = strlen(attempt_id) + 1;
    uint32_t little = BSON_UINT32_TO_LE((uint32_t)length);
    memcpy(head->bytes, k_key, sizeof k_key);
    memcpy(head->bytes + sizeof k_key, &little, sizeof little);
    memcpy(head->bytes + sizeof k_key + sizeof little, attempt_id, length);
    head->key_length = sizeof k_key;
    head->length = sizeof k_key + sizeof little + length;
}

static bool is_of(const struct row *row, const char *attempt_id, const struct head *head)
{
    struct kj_element id;
    size_t left = row->length - 4;
    if (left > head->length && memcmp(row->bytes + 4, head->bytes, head->key_length) == 0)
        return memcmp(row->bytes + 4, head->bytes, head->length) == 0;
    return kj_element_find(row->bytes, row->length, "attempt_id", 10, &id) &&
           id.type == BSON_TYPE_UTF8 && id.length == strlen(attempt_id) &&
           memcmp(id.data, attempt_id, id.length) == 0;
}

static size_t find_row(const struct rows *rows, const char *attempt_id)
{
    struct head head;
    size_t i = 0;
    head_of(attempt_id, &head);
    while (i < rows->count && !is_of(&rows->at[i], attempt_id, &head))
        i++;
    return i;
}

static int count_campaign(const struct rows *rows, int64_t campaign_id)
{
    int count = 0;
    bson_t view;
    for (size_t i = 0; i < rows->count; i++)
        count += kj_doc_int(row_doc(rows, i, &view), "campaign_id", 0) == campaign_id;
    return count;
}

static int apply(struct rows *rows, const struct kj_trunk_op *op, bool stopped)
{
    size_t at = find_row(rows, op->attempt_id);
    if (op->slot == NULL) {
        if (at == rows->count)
            return KJ_OK;
        rows->at[at] = rows->at[--rows->count]; // so that the others stay where they stand
        rows->changed = true;
        return KJ_OK;
    }
    if (at < rows->count)
        return KJ_OK;
    int64_t campaign = kj_doc_int(op->slot, "campaign_id", 0);
    if (stopped || rows->count >= (size_t)op->most || rows->count == k_most_rows ||
        (campaign && op->most_campaign > 0 && count_campaign(rows, campaign) >= op->most_campaign))
        return KJ_EFULL;
    add_row(rows, &(struct row){bson_get_data(op->slot), op->slot->len, NULL, 0});
    rows->changed = true;
    return KJ_OK;
}

static bson_t *with_rows(const bson_t *doc, const struct rows *rows)
{
    enum { k_room = 500 };
    uint32_t size = k_room + (doc ? doc->len : 0);
    bson_t *changes = bson_sized_new(size), *slots = bson_sized_new(size), view;
    for (size_t i = 0, from; i < rows->count; i++) {
        for (from = i; i < rows->count && rows->at[i].member && rows->at[i].place == i;)
            i++; // a run that stands in the document as it shall stand
        if (i > from) {
            const struct row *last = &rows->at[--i];
            size_t length = (size_t)(last->bytes + last->length - rows->at[from].member);
            kj_doc_put_members(slots, rows->at[from].member, length);
            continue;
        }
        struct kj_doc_list list = {slots, (uint32_t)i};
        kj_doc_put_doc(slots, kj_doc_next(&list), row_doc(rows, i, &view));
    }
    kj_doc_put_text(changes, "key", kj_trunk_key);
    kj_doc_put_array(changes, "slots", slots);
    bson_t *next = doc ? kj_doc_with(doc, changes) : bson_copy(changes);
    bson_destroy(slots);
    bson_destroy(changes);
    return next;
}

static int apply_all(void *arg, const bson_t *doc, bson_t **next, bson_t **events)
{
    struct kj_engine *engine = arg;
    struct rows rows;
    (void)events;
    read_rows(doc, &rows);
    for (struct kj_trunk_op *op = engine->own->trunk.writing; op; op = op->next)
        op->status = apply(&rows, op, kj_kill_switch_is_off(doc));
    if (rows.changed)
        *next = with_rows(doc, &rows);
    free(rows.at);
    return rows.changed ? KJ_OK : KJ_MODIFY_SKIP;
}

static void start_write(struct kj_engine *engine);

void kj_trunk_see(struct kj_engine *engine, const bson_t *doc)
{
    struct kj_trunk *trunk = &engine->own->trunk;
    if (trunk->seen && kj_doc_int(doc, "version", 0) < kj_doc_int(trunk->seen, "version", 0))
        return;
    kj_doc_clear(&trunk->seen);
    trunk->seen = bson_copy(doc);
    kj_kill_switch_see(engine, doc);
}

static void on_written(void *arg, int status, const bson_t *doc)
{
    struct kj_engine *engine = arg;
    struct kj_trunk *trunk = &engine->own->trunk;
    struct kj_trunk_op *op = trunk->writing;
    trunk->writing = NULL;
    if (doc)
        kj_trunk_see(engine, doc);
    start_write(engine); // what came meanwhile, before the callbacks add to it
    while (op) {
        struct kj_trunk_op *next = op->next;
        if (op->then)
            op->then(op->arg, status != KJ_OK ? status : op->status);
        kj_doc_clear(&op->slot);
        free(op);
        op = next;
    }
}

static void start_write(struct kj_engine *engine)
{
    struct kj_trunk *trunk = &engine->own->trunk;
    if (trunk->writing || trunk->waiting == NULL)
        return;
    trunk->writing = trunk->waiting;
    trunk->waiting = NULL;
    kj_modify(&(struct kj_modify){.store = engine->store,
                                  .workspace = kj_trunk_workspace,
                                  .coll = KJ_LIMITS,
                                  .key = kj_trunk_key,
                                  // Where others write it too, what we saw is mostly old.
                                  .known = engine->store->shared ? NULL : trunk->seen,
                                  .change = apply_all,
                                  .done = on_written,
                                  .arg = engine});
}

static struct kj_trunk_op *add(struct kj_engine *engine, const char *attempt_id,
                               void (*then)(void *arg, int status), void *arg)
{
    struct kj_trunk_op **end = &engine->own->trunk.waiting, *op = KJ_NEW(struct kj_trunk_op);
    kj_copy(op->attempt_id, sizeof op->attempt_id, attempt_id);
    op->then = then;
    op->arg = arg;
    while (*end)
        end = &(*end)->next;
    *end = op;
    return op;
}

void kj_trunk_take(struct kj_engine *engine, const struct kj_trunk_wish *wish,
                   void (*then)(void *arg, int status), void *arg)
{
    struct kj_trunk_op *op = add(engine, wish->attempt_id, then, arg);
    op->slot = bson_new();
    kj_doc_put_text(op->slot, "attempt_id", wish->attempt_id);
    kj_doc_put_text(op->slot, "host", engine->host_name);
    kj_doc_put_text(op->slot, "workspace", wish->workspace);
    kj_doc_put_int(op->slot, "job_id", wish->job_id);
    if (wish->campaign_id)
        kj_doc_put_int(op->slot, "campaign_id", wish->campaign_id);
    op->most = wish->most;
    op->most_campaign = wish->most_campaign;
    start_write(engine);
}

void kj_trunk_free(struct kj_engine *engine, const char *attempt_id,
                   void (*then)(void *arg, int status), void *arg)
{
    add(engine, attempt_id, then, arg);
    start_write(engine);
}

int kj_trunk_in_use(const struct kj_engine *engine, int64_t campaign_id)
{
    const bson_t *seen = engine->own->trunk.seen;
    bson_t slots;
    struct kj_element slot, campaign;
    int64_t id;
    int count = 0;
    if (seen == NULL || !kj_doc_child(seen, "slots", &slots))
        return 0;
    struct kj_members members = kj_members_in(&slots);
    while (kj_members_next(&members, &slot))
        count += campaign_id == 0 ||
                 (slot.type == BSON_TYPE_DOCUMENT &&
                  kj_element_find(slot.data, slot.length, "campaign_id", 11, &campaign) &&
                  kj_element_int(&campaign, &id) && id == campaign_id);
    return count;
}

// --- the sweep ---

struct sweep {
    struct kj_engine *engine;
    bson_t *doc;
};

static void sweep_end(struct sweep *sweep)
{
    kj_doc_clear(&sweep->doc);
    free(sweep);
}

// A line is held rightly as long as its job stands in the attempt that took it: the job names the
// attempt before it takes the line, and goes on only after it was freed.
static void on_jobs(struct kj_store_request *request)
{
    struct sweep *sweep = request->arg;
    struct rows rows;
    bson_t view;
    read_rows(sweep->doc, &rows);
    for (size_t i = 0; i < request->n_ops && i < rows.count; i++) {
        struct kj_store_op *op = &request->ops[i];
        if (op->status != KJ_OK && op->status != KJ_ENOTFOUND)
            continue;
        const char *attempt = kj_doc_text(row_doc(&rows, i, &view), "attempt_id", "");
        const bson_t *job = op->n_docs ? op->docs[0] : NULL;
        const char *state = job ? kj_doc_text(job, "state", "") : "";
        if ((kj_streq(state, "waiting") || kj_streq(state, "running")) &&
            kj_streq(kj_doc_text(job, "stage", ""), "attempt") &&
            kj_streq(kj_doc_text(job, "attempt_id", ""), attempt))
            continue;
        kj_trunk_free(sweep->engine, attempt, NULL, NULL);
    }
    free(rows.at);
    sweep_end(sweep);
}

static void on_trunk(struct kj_store_request *request)
{
    struct sweep *sweep = request->arg;
    struct kj_store_op *op = &request->ops[0];
    struct rows rows = {0};
    bson_t view;
    if (op->status == KJ_OK && op->n_docs) {
        sweep->doc = bson_copy(op->docs[0]);
        kj_trunk_see(sweep->engine, sweep->doc);
        read_rows(sweep->doc, &rows);
    }
    size_t count = rows.count;
    struct kj_store_request *jobs = kj_store_request(count, "", on_jobs, sweep);
    for (size_t i = 0; i < count; i++) {
        jobs->ops[i].verb = KJ_STORE_GET;
        jobs->ops[i].coll = KJ_JOBS;
        jobs->ops[i].id = kj_doc_int(row_doc(&rows, i, &view), "job_id", 0);
    }
    free(rows.at);
    if (count) {
        kj_store_submit(sweep->engine->store, jobs);
    } else {
        kj_store_discard(jobs);
        sweep_end(sweep);
    }
}

void kj_trunk_sweep(struct kj_engine *engine)
{
    struct kj_trunk *trunk = &engine->own->trunk;
    int64_t mono = kj_loop_mono(engine->loop);
    if (trunk->sweep_at > mono)
        return;
    trunk->sweep_at = mono + k_sweep_ms;
    struct sweep *sweep = KJ_NEW(struct sweep);
    sweep->engine = engine;
    kj_store_get(engine->store, kj_trunk_workspace, KJ_LIMITS, 0, kj_trunk_key, on_trunk, sweep);
}
