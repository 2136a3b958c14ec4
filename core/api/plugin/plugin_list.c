// plugin.list and plugin.status: what is loaded and how it fares.
#include "api/commands.h"
#include "api/documents.h"

void kj_plugin_list(struct kj_request *request)
{
    static const char *const k_told[] = {"instance", "plugin", "version", "state",
                                         "healthy",  "text",   "open"};
    bson_t *all = kj_host_status(kj_request_engine(request)->host, NULL), plugins;
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    bson_iter_t at;
    if (all && kj_doc_child(all, "plugins", &plugins) && bson_iter_init(&at, &plugins))
        while (bson_iter_next(&at)) {
            bson_t plugin, row = BSON_INITIALIZER;
            if (kj_doc_at(&at, &plugin))
                for (size_t i = 0; i < sizeof k_told / sizeof *k_told; i++)
                    kj_doc_put_from(&row, k_told[i], &plugin, k_told[i]);
            kj_doc_put_doc(&array, kj_doc_next(&list), &row);
            bson_destroy(&row);
        }
    kj_doc_put_array(result, "plugins", &array);
    bson_destroy(&array);
    kj_doc_clear(&all);
    kj_reply_take(request, result);
}

void kj_plugin_status(struct kj_request *request)
{
    const char *instance = kj_doc_text(request->args, "instance", NULL);
    bson_t *status = kj_host_status(kj_request_engine(request)->host, instance);
    if (status == NULL || (instance && kj_doc_count(status, "plugins") == 0)) {
        kj_reply_error(request, KJ_ENOTFOUND, "/instance", "see plugin.list",
                       "there is no plugin instance \"%.64s\"", instance ? instance : "");
        kj_doc_clear(&status);
    } else
        kj_reply_take(request, status);
}
