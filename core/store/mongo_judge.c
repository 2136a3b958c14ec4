// What has become of rows whose write did not simply succeed: they are read back and judged.
//
// One that bears our stamp was written by us, one that still has the old version was not, and
// everything else was decided by somebody faster. Another host may have written on top of ours
// before we look: then our stamp still stands with the events that we kept there. Without events it
// is gone, and the caller hears KJ_ECONFLICT and judges again, as it must be able to. What adds up
// cannot judge again, so its rows keep the stamps of their newest KJ_MONGO_PAST writes, by version:
// who wrote the version that ours would have made is known, unless more than so many came between
// the lost reply and our look (about half a second later, when the server must be found anew); then
// it is KJ_EUNAVAILABLE, and not added twice.
#include "store/mongo.h"

#include "base/map.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

void kj_mongo_close_row(struct kj_mongo_row *row, int status)
{
    row->open = false;
    row->status = status;
}

static void name_key(struct kj_buf *name, const char *key, const char *workspace)
{
    kj_buf_reset(name);
    kj_buf_adds(name, key);
    kj_buf_addc(name, '\n');
    kj_buf_adds(name, workspace);
}

// Stored rows by "#id" or, with `keys`, by "key\nworkspace", of the open rows with `status`.
static int read_back(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                     size_t count, int status, bool keys, struct kj_store_op *found)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, in, array, only;
    struct kj_doc_list list = {&array};
    const char *key_field = kj_collection(coll)->fields[0].name;
    char path[80];
    snprintf(path, sizeof path, "fields.%s", key_field);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, keys ? path : "_id", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &array);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].open || rows[i].status != status)
            continue;
        const char *key = kj_doc_text(rows[i].fields, key_field, NULL);
        if (!keys)
            kj_doc_put_int(&array, kj_doc_next(&list), rows[i].id);
        else if (key)
            kj_doc_put_text(&array, kj_doc_next(&list), key);
    }
    bson_append_array_end(&in, &array);
    bson_append_document_end(&filter, &in);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "projection", &only);
    kj_doc_put_int(&only, "version", 1);
    kj_doc_put_int(&only, "workspace", 1);
    kj_doc_put_int(&only, "op", 1);
    kj_doc_put_int(&only, "events.op", 1);
    kj_doc_put_int(&only, "past", 1);
    kj_doc_put_int(&only, path, 1);
    bson_append_document_end(&opts, &only);
    int rc = list.count ? kj_mongo_query(work, coll, &filter, &opts, false, found) : 0;
    bson_destroy(&opts);
    bson_destroy(&filter);
    return rc;
}

static void index_found(enum kj_coll coll, const struct kj_store_op *found, bool keys,
                        struct kj_map *map)
{
    char path[80];
    struct kj_buf name;
    kj_buf_init(&name, 0);
    snprintf(path, sizeof path, "fields.%s", kj_collection(coll)->fields[0].name);
    for (size_t i = 0; i < found->n_docs; i++) {
        const bson_t *row = found->docs[i];
        if (keys)
            name_key(&name, kj_doc_text(row, path, ""), kj_doc_text(row, "workspace", ""));
        else {
            kj_buf_reset(&name);
            kj_buf_addf(&name, "%lld", (long long)kj_doc_int(row, "_id", 0));
        }
        kj_map_put(map, name.data, found->docs[i]);
    }
    kj_buf_fini(&name);
}

// Does an array list the stamp, at this version (0 = any)? *there: it lists one at this version.
static bool lists_stamp(const bson_t *stored, const char *array, int64_t version, const char *op,
                        bool *there)
{
    bson_t list, one;
    bson_iter_t at;
    bool found = false;
    *there = false;
    if (!kj_doc_child(stored, array, &list) || !bson_iter_init(&at, &list))
        return false;
    while (!found && bson_iter_next(&at)) {
        if (!kj_doc_at(&at, &one) || (version && kj_doc_int(&one, "version", 0) != version))
            continue;
        *there = true;
        found = strcmp(kj_doc_text(&one, "op", ""), op) == 0;
    }
    return found;
}

// Did we write it? *known: it can be told.
static bool is_ours(const struct kj_mongo_row *row, const bson_t *stored, bool *known)
{
    bool there;
    *known = true;
    if ((row->fresh && kj_doc_int(stored, "_id", 0) == row->id) ||
        strcmp(kj_doc_text(stored, "op", ""), row->op) == 0 ||
        lists_stamp(stored, "events", 0, row->op, &there))
        return true;
    bool ours = lists_stamp(stored, "past", row->version, row->op, &there);
    *known = there || !row->doubted || !row->keeps_past;
    return ours;
}

// An insert met a taken _id: it is ours from an earlier try, or somebody's; without such a row it
// was the key that is taken.
static void judge_taken_id(struct kj_mongo_row *row, const bson_t *stored)
{
    bool known;
    if (stored == NULL)
        return;
    row->owner = row->id;
    kj_mongo_close_row(row, is_ours(row, stored, &known) ? 0 : KJ_EEXISTS);
}

static void judge_taken_key(struct kj_mongo_row *row, const bson_t *stored)
{
    bool known;
    row->status = 0; // the owner is gone already: try again
    if (stored == NULL)
        return;
    row->owner = kj_doc_int(stored, "_id", 0);
    kj_mongo_close_row(row, row->owner == row->id && is_ours(row, stored, &known) ? 0 : KJ_EEXISTS);
}

static void judge_update(struct kj_mongo_row *row, const bson_t *stored)
{
    const char *workspace = kj_doc_text(stored, "workspace", "");
    bool known;
    if (stored == NULL)
        kj_mongo_close_row(row, KJ_ENOTFOUND);
    else if (is_ours(row, stored, &known))
        kj_mongo_close_row(row, 0);
    else if (strcmp(workspace, row->workspace) != 0 && !row->any_workspace)
        kj_mongo_close_row(row, KJ_ENOTFOUND);
    else if (kj_doc_int(stored, "version", 0) != row->old_version)
        kj_mongo_close_row(row, known ? KJ_ECONFLICT : KJ_EUNAVAILABLE);
    else if (strcmp(workspace, row->workspace) != 0)
        kj_mongo_move_row(row, workspace);
}

int kj_mongo_judge(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                   size_t count, enum kj_mongo_doubt doubt)
{
    static const struct {
        int status;
        bool keys;
        void (*judge)(struct kj_mongo_row *row, const bson_t *stored);
    } k_doubts[] = {[KJ_MONGO_UPDATED] = {0, false, judge_update},
                    [KJ_MONGO_ID_TAKEN] = {KJ_EEXISTS, false, judge_taken_id},
                    [KJ_MONGO_KEY_TAKEN] = {KJ_EEXISTS, true, judge_taken_key}};
    int status = k_doubts[doubt].status;
    bool keys = k_doubts[doubt].keys;
    struct kj_store_op found = {0};
    struct kj_map map;
    struct kj_buf name;
    kj_map_init(&map);
    kj_buf_init(&name, 0);
    int rc = read_back(work, coll, rows, count, status, keys, &found);
    if (rc == 0)
        index_found(coll, &found, keys, &map);
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (!rows[i].open || rows[i].status != status)
            continue;
        kj_buf_reset(&name);
        if (keys)
            name_key(&name, kj_doc_text(rows[i].fields, kj_collection(coll)->fields[0].name, ""),
                     rows[i].workspace);
        else
            kj_buf_addf(&name, "%lld", (long long)rows[i].id);
        k_doubts[doubt].judge(&rows[i], kj_map_get(&map, name.data));
    }
    kj_buf_fini(&name);
    kj_map_fini(&map);
    kj_store_clear_result(&found);
    return rc;
}
