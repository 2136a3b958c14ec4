// Opening a database: the connection with the settings that make its promises true, what kind of
// server it is, which format it has. No message here repeats the URI: it may hold a password.
#include "store/mongo.h"

#include "base/alloc.h"
#include "base/str.h"

#include <pthread.h>
#include <string.h>

enum {
    POOL_MOST = 8, // lanes, crew and the few who look beside them
    WRITE_MS = 5000,
    SELECT_MS = 3000,
    SOCKET_MS = 8000, // more than a write concern may take
};

static void start_library(void)
{
    mongoc_init();
    mongoc_log_set_handler(NULL, NULL); // we say ourselves what is wrong, and without secrets
}

static void set_default(mongoc_uri_t *uri, const char *option, int32_t value)
{
    if (!mongoc_uri_has_option(uri, option))
        mongoc_uri_set_option_as_int32(uri, option, value);
}

// What the engine's promises rest on is not the URI's to choose: a majority has every write on disk
// before it is acknowledged, and reads see what a majority has.
static void set_promises(mongoc_uri_t *uri)
{
    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    mongoc_write_concern_set_wmajority(write, WRITE_MS);
    mongoc_write_concern_set_journal(write, true);
    mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    mongoc_uri_set_write_concern(uri, write);
    mongoc_uri_set_read_concern(uri, read);
    mongoc_uri_set_read_prefs_t(uri, primary);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
    set_default(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECT_MS);
    set_default(uri, MONGOC_URI_CONNECTTIMEOUTMS, SELECT_MS);
    set_default(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
    mongoc_read_prefs_destroy(primary);
    mongoc_read_concern_destroy(read);
    mongoc_write_concern_destroy(write);
}

// "kejue at db1:27017, db2:27017"
static char *describe(const mongoc_uri_t *uri, const char *database)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "%s at ", database);
    const mongoc_host_list_t *hosts = mongoc_uri_get_hosts(uri);
    if (hosts == NULL && mongoc_uri_get_srv_hostname(uri))
        kj_buf_adds(&text, mongoc_uri_get_srv_hostname(uri));
    for (const mongoc_host_list_t *host = hosts; host; host = host->next)
        kj_buf_addf(&text, "%s%s", host == hosts ? "" : ", ", host->host_and_port);
    return kj_buf_take(&text);
}

static int connect_pool(struct kj_mongo *mongo, const struct kj_store_config *config,
                        struct kj_fault *fault)
{
    bson_error_t error;
    mongoc_uri_t *uri = config->uri ? mongoc_uri_new_with_error(config->uri, &error) : NULL;
    if (uri == NULL)
        return kj_fault(fault, KJ_EINVAL, "store.uri",
                        "write it as mongodb://USER:PASSWORD@HOST:27017/?replicaSet=NAME, with "
                        "special characters of the password percent-encoded",
                        "The MongoDB address is not one.");
    const char *database = config->database               ? config->database
                           : mongoc_uri_get_database(uri) ? mongoc_uri_get_database(uri)
                                                          : "kejue";
    mongo->database = kj_strdup(database);
    mongo->where = describe(uri, database);
    set_promises(uri);
    mongo->pool = mongoc_client_pool_new_with_error(uri, &error);
    mongoc_uri_destroy(uri);
    if (mongo->pool == NULL)
        return kj_fault(fault, KJ_EINVAL, "store.uri", "check the options of the address",
                        "The MongoDB address of %s cannot be used.", mongo->where);
    mongoc_client_pool_set_error_api(mongo->pool, MONGOC_ERROR_API_VERSION_2);
    mongoc_client_pool_max_size(mongo->pool, POOL_MOST);
    mongoc_client_pool_set_appname(mongo->pool, "kejue");
    return 0;
}

static int check_topology(struct kj_mongo_work *work, bool allow_unsafe)
{
    bson_error_t error;
    mongoc_server_description_t *server;
    int rc = 0;
    server = mongoc_client_select_server(work->client, true, NULL, &error);
    if (server == NULL) {
        work->deadline = 0; // at start one try is enough: whoever starts us is told at once
        return kj_mongo_again(work, &error, NULL);
    }
    const char *type = mongoc_server_description_type(server);
    if (strcmp(type, "RSPrimary") != 0 && !allow_unsafe)
        rc = kj_fault(&work->fault, KJ_EDENIED, work->mongo->where,
                      "make it a replica set, of one member at least (mongod --replSet NAME, then "
                      "rs.initiate()), or set store.allow_unsafe_store = true where losing data is "
                      "no harm",
                      "The MongoDB server of %s is no member of a replica set (%s), so it cannot "
                      "promise that a write happens once.",
                      work->mongo->where, type);
    mongoc_server_description_destroy(server);
    return rc;
}

static int write_format(struct kj_mongo_work *work)
{
    struct kj_store_request request = {0};
    struct kj_store_op op = {.verb = KJ_STORE_INSERT, .coll = KJ_META};
    struct kj_mongo_item item = {.request = &request, .op = &op, .stamp = "format"},
                         *items[] = {&item};
    bson_t doc = BSON_INITIALIZER;
    kj_doc_put_text(&doc, "key", "format");
    kj_doc_put_int(&doc, "format", KJ_MONGO_FORMAT);
    op.doc = &doc;
    int rc = kj_mongo_insert(work, items, 1); // another host may be faster
    bson_destroy(&doc);
    return rc < 0 ? rc : op.status == KJ_EEXISTS ? 0 : op.status;
}

static int check_format(struct kj_mongo_work *work, bool look_only)
{
    struct kj_store_request request = {0};
    struct kj_store_op op = {.verb = KJ_STORE_GET, .coll = KJ_META, .key = "format"};
    struct kj_mongo_item item = {.request = &request, .op = &op}, *items[] = {&item};
    int rc = kj_mongo_get(work, items, 1);
    int64_t format = op.n_docs ? kj_doc_int(op.docs[0], "format", 0) : 0;
    bool there = op.n_docs > 0;
    kj_store_clear_result(&op);
    if (rc < 0)
        return rc;
    if (!there)
        return look_only ? 0 : write_format(work);
    if (format > KJ_MONGO_FORMAT)
        return kj_fault(&work->fault, KJ_EVERSION, work->mongo->where,
                        "install the Kejue that wrote it, or a newer one",
                        "The database %s has format %d; this Kejue knows formats up to %d.",
                        work->mongo->where, (int)format, KJ_MONGO_FORMAT);
    if (format < 1)
        return kj_fault(&work->fault, KJ_EINVAL, work->mongo->where, "restore it from a backup",
                        "The database %s does not say which format it has.", work->mongo->where);
    return 0;
}

int kj_mongo_open(struct kj_mongo *mongo, const struct kj_store_config *config,
                  struct kj_fault *fault)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct kj_mongo_work work;
    struct kj_store_op events = {0};
    pthread_once(&once, start_library);
    int rc = connect_pool(mongo, config, fault);
    if (rc < 0)
        return rc;
    rc = kj_mongo_begin(mongo, &work);
    if (rc == 0)
        rc = check_topology(&work, config->allow_unsafe);
    if (rc == 0)
        rc = check_format(&work, config->look_only);
    if (rc == 0 && !config->look_only)
        rc = kj_mongo_indexes(&work);
    if (rc == 0 && !config->look_only)
        rc = kj_mongo_host(&work);
    if (rc == 0 && !config->look_only)
        rc = kj_mongo_catch_up(&work, &events); // there is nobody yet to be told
    mongo->told = mongo->next_event - 1;
    kj_store_clear_result(&events);
    kj_mongo_end(&work, rc);
    if (rc < 0 && fault)
        *fault = work.fault;
    return rc;
}
