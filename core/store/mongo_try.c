// One batch's connection, what may be tried again, and the breaker.
//
// A lost reply says nothing about the write, so whatever may be tried again is made to bear it:
// rows carry stamps, updates name the old version. Nobody waits long: after the deadline the caller
// hears KJ_EUNAVAILABLE and the breaker opens, so that all others hear it at once; then one batch
// at a time looks whether the database is back.
#include "store/mongo.h"

#include "base/log.h"

#include <string.h>

enum {
    TRY_MS = 10000, // a batch may be tried again for so long
    PAUSE_MS = 10,
    PAUSE_MOST_MS = 500,
    BREAK_MS = 250, // the breaker's first and longest pause
    BREAK_MOST_MS = 1000
};

static int away(const struct kj_mongo *mongo, const char *why, struct kj_fault *fault)
{
    return kj_fault(fault, KJ_EUNAVAILABLE, mongo->where,
                    "check that it runs, has a primary and can be reached from here",
                    "The MongoDB database %s does not answer: %s.", mongo->where, why);
}

static bool is_transient(const bson_error_t *error, const bson_t *reply)
{
    // Not (or no longer) primary, shutting down, timed out, write concern, lost cursor.
    static const uint32_t k_codes[] = {6,     7,     43,    46,    50,    64,   89,  91,
                                       112,   133,   134,   189,   237,   262,  358, 9001,
                                       10058, 10107, 11600, 11602, 13435, 13436};
    switch (error->domain) {
    case MONGOC_ERROR_STREAM:
    case MONGOC_ERROR_SERVER_SELECTION:
    case MONGOC_ERROR_WRITE_CONCERN:
    case MONGOC_ERROR_PROTOCOL:
        return true;
    case MONGOC_ERROR_CLIENT: // a connection that could not be used
        return error->code != MONGOC_ERROR_CLIENT_AUTHENTICATE;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof k_codes / sizeof *k_codes; i++)
        if (error->code == k_codes[i])
            return true;
    return reply && mongoc_error_has_label(reply, "RetryableWriteError");
}

static int refused(struct kj_mongo_work *work, const bson_error_t *error)
{
    enum { NOT_ALLOWED = 13, NOT_KNOWN = 18, DISK_FULL = 14031 };
    const char *where = work->mongo->where;
    bool denied =
        error->code == NOT_ALLOWED || error->code == NOT_KNOWN ||
        (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE);
    if (denied)
        return kj_fault(
            &work->fault, KJ_EDENIED, where,
            "check user, password and authSource in the file of store.uri, and that the "
            "user has the role readWrite",
            "The MongoDB database %s refuses this user: %s.", where, error->message);
    return kj_fault(&work->fault, error->code == DISK_FULL ? KJ_EFULL : KJ_EIO, where,
                    "see the log of the database", "The MongoDB database %s refused: %s.", where,
                    error->message);
}

static void open_breaker(struct kj_mongo *mongo, const char *why)
{
    uv_mutex_lock(&mongo->mutex);
    bool first = !mongo->broken;
    int64_t pause = first ? BREAK_MS : 2 * mongo->broken_ms;
    mongo->broken = true;
    mongo->broken_ms = pause < BREAK_MOST_MS ? pause : BREAK_MOST_MS;
    mongo->broken_until = kj_clock_real_mono() + mongo->broken_ms;
    uv_mutex_unlock(&mongo->mutex);
    if (first)
        kj_log(KJ_LOG_ERROR, "store", "the database is away; what is asked of it is refused",
               "database", mongo->where, "why", why, NULL);
}

static void close_breaker(struct kj_mongo *mongo)
{
    uv_mutex_lock(&mongo->mutex);
    bool was = mongo->broken;
    mongo->broken = false;
    uv_mutex_unlock(&mongo->mutex);
    if (was)
        kj_log(KJ_LOG_INFO, "store", "the database is back", "database", mongo->where, NULL);
}

int kj_mongo_begin(struct kj_mongo *mongo, struct kj_mongo_work *work)
{
    int64_t now = kj_clock_real_mono();
    *work = (struct kj_mongo_work){.mongo = mongo, .deadline = now + TRY_MS, .pause_ms = PAUSE_MS};
    uv_mutex_lock(&mongo->mutex);
    bool shut = mongo->broken && (now < mongo->broken_until || mongo->stop_by);
    if (mongo->broken && !shut) {
        work->deadline = now; // one try, and the others wait for what it finds
        mongo->broken_until = now + BREAK_MOST_MS;
    }
    uv_mutex_unlock(&mongo->mutex);
    if (shut)
        return away(mongo, "it was away a moment ago", &work->fault);
    work->client = mongoc_client_pool_pop(mongo->pool);
    return 0;
}

void kj_mongo_end(struct kj_mongo_work *work, int rc)
{
    if (work->client == NULL)
        return;
    mongoc_client_pool_push(work->mongo->pool, work->client);
    work->client = NULL;
    if (rc != KJ_EUNAVAILABLE)
        close_breaker(work->mongo);
}

int kj_mongo_again(struct kj_mongo_work *work, const bson_error_t *error, const bson_t *reply)
{
    struct kj_mongo *mongo = work->mongo;
    if (!is_transient(error, reply))
        return refused(work, error);
    int64_t now = kj_clock_real_mono(), left = work->deadline - now;
    uv_mutex_lock(&mongo->mutex);
    if (mongo->stop_by && mongo->stop_by - now < left)
        left = mongo->stop_by - now;
    bool go_on = left > 0;
    if (go_on)
        uv_cond_timedwait(&mongo->wake, &mongo->mutex,
                          (uint64_t)(left < work->pause_ms ? left : work->pause_ms) * 1000000);
    uv_mutex_unlock(&mongo->mutex);
    if (work->pause_ms < PAUSE_MOST_MS)
        work->pause_ms *= 2;
    if (go_on)
        return 0;
    open_breaker(mongo, error->message);
    return away(mongo, error->message, &work->fault);
}

mongoc_collection_t *kj_mongo_coll(struct kj_mongo_work *work, enum kj_coll coll)
{
    return mongoc_client_get_collection(work->client, work->mongo->database, kj_coll_name(coll));
}
