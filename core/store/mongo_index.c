// Indexes as the table of collections declares them, on the fields beside the documents. What is
// there already costs one look; what is not declared (any more) is left to people.
#include "store/mongo.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

struct wanted {
    bson_t indexes; // array of specifications
    struct kj_doc_list list;
    enum kj_coll coll;
};

static void put_path(bson_t *key, const char *column)
{
    char path[80];
    bool descending = *column == '-';
    bool own = strcmp(column, "_id") == 0 || strcmp(column, "workspace") == 0;
    snprintf(path, sizeof path, "%s%s", own ? "" : "fields.", column + descending);
    kj_doc_put_int(key, path, descending ? -1 : 1);
}

// Takes `key`.
static void want(struct wanted *wanted, const char *name, bson_t *key, const bson_t *only,
                 bool unique)
{
    bson_t one = BSON_INITIALIZER;
    kj_doc_put_text(&one, "name", name);
    kj_doc_put_doc(&one, "key", key);
    if (unique)
        kj_doc_put_bool(&one, "unique", true);
    if (unique) // its documents have both of its fields or none
        kj_doc_put_bool(&one, "sparse", true);
    if (only)
        kj_doc_put_doc(&one, "partialFilterExpression", only);
    kj_doc_put_doc(&wanted->indexes, kj_doc_next(&wanted->list), &one);
    bson_destroy(&one);
    bson_destroy(key);
}

// {fields.only: word} or {fields.only: {$exists: true}}
static void put_only(bson_t *only, const char *field, const char *word)
{
    char path[80];
    bson_t exists = BSON_INITIALIZER;
    snprintf(path, sizeof path, "fields.%s", field);
    kj_doc_put_bool(&exists, "$exists", true);
    if (word)
        kj_doc_put_text(only, path, word);
    else
        kj_doc_put_doc(only, path, &exists);
    bson_destroy(&exists);
}

static void want_field(struct wanted *wanted, const struct kj_field *field)
{
    bson_t key = BSON_INITIALIZER, only = BSON_INITIALIZER;
    put_path(&key, field->name);
    if (field->flags & KJ_UNIQUE) {
        kj_doc_put_int(&key, "fields.workspace", 1);
    } else {
        put_path(&key, "workspace");
        put_path(&key, "_id");
    }
    if (field->flags & KJ_SPARSE)
        put_only(&only, field->name, NULL);
    want(wanted, field->name, &key, field->flags & KJ_SPARSE ? &only : NULL,
         field->flags & KJ_UNIQUE);
    bson_destroy(&only);
}

static void want_declared(struct wanted *wanted, const struct kj_index *index)
{
    bson_t key = BSON_INITIALIZER, only = BSON_INITIALIZER;
    for (size_t i = 0; i < KJ_COLUMNS_MAX && index->columns[i]; i++)
        put_path(&key, index->columns[i]);
    put_path(&key, "_id");
    if (index->only)
        put_only(&only, index->only, index->word);
    want(wanted, index->name, &key, index->only ? &only : NULL, false);
    bson_destroy(&only);
}

// Besides the table's: the earliest waiting job of a kind, for which SQLite walks another index
// level by level; and the documents in which events wait.
static void want_own(struct wanted *wanted)
{
    bson_t due = BSON_INITIALIZER, waiting = BSON_INITIALIZER;
    bson_t events = BSON_INITIALIZER, some = BSON_INITIALIZER, exists = BSON_INITIALIZER;
    put_path(&due, "kind");
    put_path(&due, "due");
    put_only(&waiting, "state", "waiting");
    if (wanted->coll == KJ_JOBS)
        want(wanted, "next_due", &due, &waiting, false);
    kj_doc_put_bool(&exists, "$exists", true);
    kj_doc_put_doc(&some, "events.host", &exists);
    kj_doc_put_int(&events, "events.host", 1);
    want(wanted, "events", &events, &some, false);
    bson_destroy(&exists);
    bson_destroy(&some);
    bson_destroy(&waiting);
}

static int create(struct kj_mongo_work *work, const struct wanted *wanted)
{
    bson_t command = BSON_INITIALIZER;
    mongoc_database_t *database = mongoc_client_get_database(work->client, work->mongo->database);
    bool ok;
    int rc = 0;
    kj_doc_put_text(&command, "createIndexes", kj_coll_name(wanted->coll));
    kj_doc_put_array(&command, "indexes", &wanted->indexes);
    do {
        bson_t reply;
        bson_error_t error;
        ok = mongoc_database_write_command_with_opts(database, &command, NULL, &reply, &error);
        if (!ok)
            rc = kj_mongo_again(work, &error, &reply);
        bson_destroy(&reply);
    } while (!ok && rc == 0);
    mongoc_database_destroy(database);
    bson_destroy(&command);
    return rc;
}

int kj_mongo_indexes(struct kj_mongo_work *work)
{
    int rc = 0;
    for (size_t coll = 0; coll < KJ_COLL_COUNT && rc == 0; coll++) {
        const struct kj_collection *about = kj_collection((enum kj_coll)coll);
        struct wanted wanted = {.indexes = BSON_INITIALIZER, .coll = (enum kj_coll)coll};
        wanted.list.array = &wanted.indexes;
        for (const struct kj_field *field = about->fields; field->name; field++)
            if (field->flags & (KJ_UNIQUE | KJ_ALONE))
                want_field(&wanted, field);
        for (size_t i = 0; i < KJ_INDEXES_MAX && about->indexes[i].name; i++)
            want_declared(&wanted, &about->indexes[i]);
        want_own(&wanted);
        rc = create(work, &wanted);
        bson_destroy(&wanted.indexes);
    }
    return rc;
}
