// Which store, and where: what section `store` of the configuration says becomes an open store.
#include "app/wire.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { URI_MAX = 4096 };

static int64_t now(void *arg)
{
    return kj_loop_now(arg);
}

static int bad_uri(const struct kj_app *app, const char *hint, const char *text,
                   struct kj_fault *fault)
{
    char place[192];
    kj_config_place(&app->config, "/store/uri", place, sizeof place);
    return kj_fault(fault, KJ_EINVAL, place, hint, "%s", text);
}

static void warn_mode(const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0 && (about.st_mode & (S_IROTH | S_IWOTH)))
        kj_log(KJ_LOG_WARN, "app", "the file of store.uri is open to every user; chmod 600 it",
               "file", path, NULL);
}

// The address itself, or with "@" the one line of a file: an address with a password stands in no
// configuration.
static int read_uri(const struct kj_app *app, struct kj_buf *uri, struct kj_fault *fault)
{
    const char *value = kj_doc_text(app->config.doc, "store.uri", NULL);
    if (value == NULL)
        return bad_uri(app, "write uri = \"@mongodb.uri\" and the address into that file",
                       "store.type is mongodb, but there is no store.uri", fault);
    if (*value != '@' && strchr(value, '@'))
        return bad_uri(app, "write the address into a file, and \"@FILE\" here",
                       "store.uri holds a user or a password", fault);
    if (*value != '@') {
        kj_buf_adds(uri, value);
        return KJ_OK;
    }
    if (kj_read_file(value + 1, URI_MAX, uri, NULL) != KJ_OK)
        return bad_uri(app,
                       "create the file, readable by Kejue only; a relative path means data_dir",
                       "The file that store.uri names cannot be read", fault);
    warn_mode(value + 1);
    while (uri->length && strchr("\r\n ", uri->data[uri->length - 1]))
        uri->data[--uri->length] = 0;
    return KJ_OK;
}

static int open_mongo(struct kj_app *app, struct kj_store_config *config, struct kj_store **store,
                      struct kj_fault *fault)
{
    struct kj_buf uri;
    kj_buf_init(&uri, URI_MAX + 1);
    int rc = read_uri(app, &uri, fault);
    config->uri = uri.data;
    config->database = kj_doc_text(app->config.doc, "store.database", NULL);
    config->allow_unsafe = kj_doc_bool(app->config.doc, "store.allow_unsafe_store", false);
    config->look_only = app->options->check;
    if (rc == KJ_OK)
        rc = kj_mongo_create(app->loop, config, store, fault);
    if (uri.data)
        explicit_bzero(uri.data, uri.capacity);
    kj_buf_fini(&uri);
    return rc;
}

int kj_app_store(struct kj_app *app, const char *type, struct kj_store **store,
                 struct kj_fault *fault)
{
    char path[4096];
    struct kj_store_config config = {.host = app->host_name,
                                     .now = now,
                                     .now_arg = app->loop,
                                     .volatile_data = kj_loop_is_virtual(app->loop),
                                     .simulated = kj_loop_is_virtual(app->loop)};
    if (strcmp(type, "mongodb") == 0)
        return open_mongo(app, &config, store, fault);
    if (strcmp(type, "memory") == 0) { // a rehearsal; its events are told, and read by nobody
        config.events_kept = 1;
        return kj_memory_create(app->loop, &config, store, fault);
    }
    const char *file = kj_doc_text(app->config.doc, "store.file", "kejue.db");
    if (file[0] == '/' || strcmp(file, ":memory:") == 0)
        kj_copy(path, sizeof path, file);
    else
        snprintf(path, sizeof path, "%s/%s", app->data_dir, file);
    config.path = path;
    return kj_sqlite_create(app->loop, &config, store, fault);
}
