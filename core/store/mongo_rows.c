// Conditional writes of many rows in one round trip, with a sure outcome for each.
//
// A bulk reply tells how many rows were met, not which, and a lost one tells nothing; so when not
// everything went well the rows are read back (mongo_judge.c). That also makes a second try
// harmless. One command for all rows is what makes this store fast: a round trip with a majority's
// flush costs milliseconds, a row in it microseconds.
#include "store/mongo.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum { DUPLICATE_KEY = 11000, ROUNDS = 20 };

int kj_mongo_fields(enum kj_coll coll, const bson_t *doc, const char *workspace, bson_t *fields,
                    size_t *stamps, struct kj_fault *fault)
{
    struct kj_value values[KJ_FIELDS_MAX];
    const struct kj_field *declared = kj_collection(coll)->fields;
    int rc = kj_collection_values(coll, doc, values, stamps, fault);
    for (size_t i = 0; rc == 0 && declared[i].name; i++) {
        const struct kj_value *value = &values[i];
        if (value->kind == KJ_VALUE_TEXT)
            bson_append_utf8(fields, declared[i].name, -1, value->text, (int)value->length);
        else if (value->kind == KJ_VALUE_INT)
            kj_doc_put_int(fields, declared[i].name, value->integer);
        else if (value->kind == KJ_VALUE_REAL)
            kj_doc_put_real(fields, declared[i].name, value->real);
    }
    // Only beside a key: a sparse index holds what has any of its fields.
    if (rc == 0 && values[0].kind != KJ_VALUE_NONE)
        kj_doc_put_text(fields, "workspace", workspace);
    return rc;
}

void kj_mongo_row_fini(struct kj_mongo_row *row)
{
    kj_doc_clear(&row->doc);
    kj_doc_clear(&row->fields);
    kj_doc_clear(&row->events);
}

// --- the commands ---

// The library's own look at the keys would refuse documents that are none of its business.
static void no_checks(bson_t *opts)
{
    kj_doc_put_bool(opts, "validate", false);
}

static void put_past(const struct kj_mongo_row *row, bson_t *past)
{
    bson_t one = BSON_INITIALIZER;
    kj_doc_put_int(&one, "version", row->version);
    kj_doc_put_text(&one, "op", row->op);
    kj_doc_put_doc(past, "0", &one);
    bson_destroy(&one);
}

void kj_mongo_whole_row(const struct kj_mongo_row *row, bson_t *whole)
{
    kj_doc_put_int(whole, "_id", row->id);
    kj_doc_put_int(whole, "version", row->version);
    kj_doc_put_text(whole, "workspace", row->workspace);
    kj_doc_put_doc(whole, "fields", row->fields);
    kj_doc_put_doc(whole, "doc", row->doc);
    kj_doc_put_text(whole, "op", row->op);
    if (row->events)
        kj_doc_put_array(whole, "events", row->events);
    if (row->keeps_past) {
        bson_t past;
        BSON_APPEND_ARRAY_BEGIN(whole, "past", &past);
        put_past(row, &past);
        bson_append_array_end(whole, &past);
    }
}

// Behind those of an earlier write: events that nobody has copied yet, and stamps.
static void put_push(const struct kj_mongo_row *row, bson_t *update)
{
    bson_t push, each, past;
    if (!row->events && !row->keeps_past)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(update, "$push", &push);
    if (row->events) {
        BSON_APPEND_DOCUMENT_BEGIN(&push, "events", &each);
        kj_doc_put_array(&each, "$each", row->events);
        bson_append_document_end(&push, &each);
    }
    if (row->keeps_past) {
        BSON_APPEND_DOCUMENT_BEGIN(&push, "past", &each);
        BSON_APPEND_ARRAY_BEGIN(&each, "$each", &past);
        put_past(row, &past);
        bson_append_array_end(&each, &past);
        kj_doc_put_int(&each, "$slice", -KJ_MONGO_PAST);
        bson_append_document_end(&push, &each);
    }
    bson_append_document_end(update, &push);
}

static void add_insert(mongoc_bulk_operation_t *bulk, const struct kj_mongo_row *row)
{
    bson_t whole = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    no_checks(&opts);
    kj_mongo_whole_row(row, &whole);
    (void)mongoc_bulk_operation_insert_with_opts(bulk, &whole, &opts, NULL);
    bson_destroy(&opts);
    bson_destroy(&whole);
}

static void add_update(mongoc_bulk_operation_t *bulk, const struct kj_mongo_row *row)
{
    bson_t query = BSON_INITIALIZER, update = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    bson_t set;
    no_checks(&opts);
    kj_doc_put_int(&query, "_id", row->id);
    kj_doc_put_int(&query, "version", row->old_version);
    kj_doc_put_text(&query, "workspace", row->workspace);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    kj_doc_put_int(&set, "version", row->version);
    kj_doc_put_doc(&set, "fields", row->fields);
    kj_doc_put_doc(&set, "doc", row->doc);
    kj_doc_put_text(&set, "op", row->op);
    bson_append_document_end(&update, &set);
    put_push(row, &update);
    (void)mongoc_bulk_operation_update_one_with_opts(bulk, &query, &update, &opts, NULL);
    bson_destroy(&opts);
    bson_destroy(&update);
    bson_destroy(&query);
}

struct outcome {
    bool sure;       // every row without an error was met or not met for certain
    int64_t matched; // of updates
};

static struct kj_mongo_row *nth_open(struct kj_mongo_row *rows, size_t count, int64_t n)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].open && n-- == 0)
            return &rows[i];
    return NULL;
}

// A row's own error: it is decided. The index counts the open rows of the command.
static void read_write_error(struct kj_mongo_work *work, const bson_t *error,
                             struct kj_mongo_row *row)
{
    if (row == NULL)
        return;
    row->status = KJ_EEXISTS; // for now: see resolve()
    if (kj_doc_int(error, "code", 0) != DUPLICATE_KEY)
        row->status =
            kj_fault(&work->fault, KJ_EIO, work->mongo->where, "see the log of the database",
                     "The MongoDB database %s refused a document: %s.", work->mongo->where,
                     kj_doc_text(error, "errmsg", "it does not say why"));
}

static void doubt_open(struct kj_mongo_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rows[i].doubted |= rows[i].open;
}

// Runs one command for all open rows. KJ_E* when trying again is over.
static int execute(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                   size_t count, bool insert, struct outcome *outcome)
{
    mongoc_collection_t *target = kj_mongo_coll(work, coll);
    bson_t opts = BSON_INITIALIZER, reply, errors, one;
    bson_error_t error = {0};
    bson_iter_t at;
    size_t failed = 0;
    int rc = 0;
    kj_doc_put_bool(&opts, "ordered", false); // one that fails does not stop the others
    mongoc_bulk_operation_t *bulk =
        mongoc_collection_create_bulk_operation_with_opts(target, &opts);
    for (size_t i = 0; i < count; i++)
        if (rows[i].open && insert)
            add_insert(bulk, &rows[i]);
        else if (rows[i].open)
            add_update(bulk, &rows[i]);
    bool ok = mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
    if (kj_doc_child(&reply, "writeErrors", &errors) && bson_iter_init(&at, &errors))
        while (bson_iter_next(&at)) {
            if (kj_doc_at(&at, &one))
                read_write_error(work, &one, nth_open(rows, count, kj_doc_int(&one, "index", -1)));
            failed++;
        }
    outcome->matched = kj_doc_int(&reply, "nMatched", 0);
    outcome->sure = ok || (failed > 0 && error.domain != MONGOC_ERROR_STREAM &&
                           error.domain != MONGOC_ERROR_SERVER_SELECTION &&
                           kj_doc_count(&reply, "writeConcernErrors") == 0);
    if (!outcome->sure) {
        doubt_open(rows, count);
        rc = kj_mongo_again(work, &error, &reply);
    }
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    bson_destroy(&opts);
    mongoc_collection_destroy(target);
    return rc;
}

// --- the outcome ---

static void close_failed(struct kj_mongo_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].open && rows[i].status < 0 && rows[i].status != KJ_EEXISTS)
            kj_mongo_close_row(&rows[i], rows[i].status);
}

static int64_t count_open(const struct kj_mongo_row *rows, size_t count, int status)
{
    int64_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += rows[i].open && rows[i].status == status;
    return n;
}

static bool any_open(const struct kj_mongo_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].open)
            return true;
    return false;
}

static int no_end(struct kj_mongo_work *work)
{
    return kj_fault(&work->fault, KJ_EUNAVAILABLE, work->mongo->where, "try again in a moment",
                    "Writes to the MongoDB database %s did not come to an end.",
                    work->mongo->where);
}

// After a command: what is certain is closed, the rest is read back.
static int settle(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                  size_t count, bool insert, const struct outcome *outcome)
{
    int rc = 0;
    close_failed(rows, count);
    int64_t taken = count_open(rows, count, KJ_EEXISTS);
    bool all = outcome->sure && (insert || outcome->matched == count_open(rows, count, 0));
    for (size_t i = 0; i < count && all; i++)
        if (rows[i].open && rows[i].status == 0)
            kj_mongo_close_row(&rows[i], 0);
    if (!all && !insert)
        rc = kj_mongo_judge(work, coll, rows, count, KJ_MONGO_UPDATED);
    if (rc == 0 && taken && insert)
        rc = kj_mongo_judge(work, coll, rows, count, KJ_MONGO_ID_TAKEN);
    if (rc == 0 && taken)
        rc = kj_mongo_judge(work, coll, rows, count, KJ_MONGO_KEY_TAKEN);
    return rc;
}

static int write_rows(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                      size_t count, bool insert)
{
    int rc = 0;
    for (int round = 0; any_open(rows, count) && rc == 0; round++) {
        struct outcome outcome;
        rc = round < ROUNDS ? execute(work, coll, rows, count, insert, &outcome) : no_end(work);
        if (rc == 0)
            rc = settle(work, coll, rows, count, insert, &outcome);
    }
    return rc;
}

int kj_mongo_insert_rows(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                         size_t count)
{
    return write_rows(work, coll, rows, count, true);
}

int kj_mongo_update_rows(struct kj_mongo_work *work, enum kj_coll coll, struct kj_mongo_row *rows,
                         size_t count)
{
    return write_rows(work, coll, rows, count, false);
}
