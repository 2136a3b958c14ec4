// What a plugin says against schemas/: its verbs, events and configuration, and what it answers.
#ifndef PLUGIN_SCHEMAS_H
#define PLUGIN_SCHEMAS_H

#include "peers/fake_host.h"
#include "peers/vendor_specs.h"

#include "base/str.h"

static inline bool schema_fits(const char *name, const char *member, const bson_t *doc)
{
    const struct kj_schema *schema = kj_schema_get(name, member);
    if (!schema) {
        printf("  schemas/%s.json has no usable %s\n", name, member);
        return false;
    }
    return vendor_fits(schema, doc);
}

// Requests and responses of a verb's examples fit its own schema; there is at least one.
static inline bool schema_examples_fit(const char *name)
{
    const bson_t *source = kj_schema_source(name);
    size_t count = source ? kj_doc_count(source, "examples") : 0;
    bool fits = count > 0;
    for (size_t i = 0; i < count; i++) {
        static const char *const members[] = {"request", "response"};
        for (int m = 0; m < 2; m++) {
            char path[40];
            bson_t example;
            snprintf(path, sizeof path, "examples.%zu.%s", i, members[m]);
            fits = kj_doc_child(source, path, &example) &&
                   schema_fits(name, members[m], &example) && fits;
        }
    }
    return fits;
}

static inline bool plugin_schemas_fit(const struct kejue_plugin *plugin)
{
    struct kj_schema *schema = NULL;
    struct kj_fault fault = {0};
    bson_t *config = fake_json(plugin->config_schema);
    bool fits = kj_schema_compile(config, NULL, NULL, &schema, &fault) == KJ_OK;
    if (!fits)
        printf("  config_schema: %s %s\n", fault.place, fault.text);
    kj_schema_destroy(schema);
    bson_destroy(config);
    for (const struct kejue_verb *verb = plugin->verbs; verb->name; verb++) {
        fits = schema_examples_fit(verb->request_schema) && fits;
        fits = kj_streq(verb->request_schema, verb->response_schema) && fits;
    }
    for (const char *const *event = plugin->events; *event; event++) {
        char name[128];
        snprintf(name, sizeof name, "events/%s", *event);
        fits = kj_schema_get(name, "data") && fits;
    }
    return fits;
}

static inline bool result_fits(const char *verb, const struct fake_result *result)
{
    char name[128];
    snprintf(name, sizeof name, "verbs/%s", verb);
    return result->class_ != KEJUE_OK || schema_fits(name, "response", result->doc);
}

static inline bool events_fit(const struct fake_host *host)
{
    bool fits = true;
    for (size_t i = 0; i < fake_host_event_count(host); i++) {
        char name[128];
        snprintf(name, sizeof name, "events/%s", fake_host_event(host, i)->name);
        fits = schema_fits(name, "data", fake_host_event(host, i)->data) && fits;
    }
    return fits;
}

#endif
