// What the command store.copy answers: the way to kejued --copy-store from a daemon that runs.
#include "app/wire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// As a shell takes it.
static void put_quoted(struct kj_buf *out, const char *text)
{
    bool plain = text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789/._-+,=@:")] == 0;
    if (plain) {
        kj_buf_adds(out, text);
        return;
    }
    kj_buf_addc(out, '\'');
    for (; *text; text++)
        if (*text == '\'')
            kj_buf_adds(out, "'\\''");
        else
            kj_buf_addc(out, *text);
    kj_buf_addc(out, '\'');
}

static void put_kejued(const struct kj_app *app, const char *more, struct kj_buf *out)
{
    const char *given = app->options->dir ? app->options->dir : app->config.path;
    char *whole = realpath(given, NULL); // it may be typed in another folder
    kj_buf_reset(out);
    kj_buf_addf(out, "kejued %s ", app->options->dir ? "--dir" : "--config");
    put_quoted(out, whole ? whole : given);
    kj_buf_adds(out, more);
    free(whole);
}

int kj_app_copy_plan(void *arg, const char *to, bson_t *result, struct kj_fault *fault)
{
    const struct kj_app *app = arg;
    const char *from = app->store->class->name;
    bson_t steps = BSON_INITIALIZER;
    struct kj_doc_list list = {&steps};
    struct kj_buf line;
    if (strcmp(from, to) == 0)
        return kj_fault(fault, KJ_ESTATE, "/to", "copy to the other one", "the store is %s already",
                        to);
    if (strcmp(to, "mongodb") == 0 && kj_doc_text(app->config.doc, "store.uri", NULL) == NULL)
        return kj_fault(fault, KJ_ESTATE, app->config.path,
                        "write store = { type = \"sqlite\"; uri = \"@mongodb.uri\"; … } and the "
                        "address into that file, and restart kejued",
                        "the configuration does not say where the MongoDB is: store.uri");
    kj_buf_init(&line, 0);
    kj_buf_addf(&line, "kill %d", (int)getpid());
    kj_buf_adds(&line, app->store->shared ? "  # and every other host's kejued on this store" : "");
    kj_doc_put_text(&steps, kj_doc_next(&list), line.data);
    put_kejued(app, " --copy-store ", &line);
    kj_buf_adds(&line, to);
    kj_doc_put_text(&steps, kj_doc_next(&list), line.data);
    kj_buf_reset(&line);
    kj_buf_addf(&line, "# in %s: store = { type = \"%s\"; … }", app->config.path, to);
    kj_doc_put_text(&steps, kj_doc_next(&list), line.data);
    put_kejued(app, "", &line);
    kj_doc_put_text(&steps, kj_doc_next(&list), line.data);
    kj_buf_fini(&line);
    kj_doc_put_text(result, "from", from);
    kj_doc_put_text(result, "to", to);
    kj_doc_put_array(result, "steps", &steps);
    bson_destroy(&steps);
    return KJ_OK;
}
