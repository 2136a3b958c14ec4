// Is a plugin's data sound? Names, schemas and what the lists say about each other.
//
// All of it is checked before `open` is called, so that a slip of the author is a sentence at load
// and not a surprise in the night.
#include "host/plugin_file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { KJ_PLUGIN_MAX_ROWS = 256 };

struct kj_checker {
    const struct kejue_plugin *decl;
    kj_plugin_found *found;
    void *arg;
    size_t count;
    bson_t *config; // source of the configuration schema, or NULL
};

static void kj_check_fault(struct kj_checker *checker, const char *place, const char *format, ...)
    KJ_PRINTF(3, 4);

static void kj_check_fault(struct kj_checker *checker, const char *place, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    checker->count++;
    if (checker->found)
        checker->found(checker->arg, place, text);
}

// Lower case, digits, - and _; with `dots` also dots between such words.
static bool kj_check_name(const char *name, bool dots)
{
    if (!name || !islower((unsigned char)name[0]) || strlen(name) > 64)
        return false;
    for (const char *at = name; *at; at++) {
        bool dot = *at == '.';
        if (dot ? !dots || !isalnum((unsigned char)at[1])
                : !islower((unsigned char)*at) && !isdigit((unsigned char)*at) &&
                      !strchr("-_", *at))
            return false;
    }
    return true;
}

// The schema of a dotted configuration key ("smtp.password"); false when it is not declared.
static bool kj_check_key(const struct kj_checker *checker, const char *key, bson_t *property)
{
    struct kj_buf path;
    kj_buf_init(&path, 1024);
    kj_buf_adds(&path, "properties.");
    for (const char *at = key; *at; at++) {
        kj_buf_addc(&path, *at);
        if (*at == '.')
            kj_buf_adds(&path, "properties.");
    }
    bool found = checker->config && kj_doc_child(checker->config, path.data, property);
    kj_buf_fini(&path);
    return found;
}

static void kj_check_schema(struct kj_checker *checker, const char *verb, const char *declared,
                            const char *member)
{
    const struct kj_schema *schema;
    struct kj_schema *own;
    struct kj_fault fault = {0};
    if (kj_plugin_schema(declared, member, &schema, &own, &fault) != 0) {
        char text[1024];
        kj_fault_print(&fault, text, sizeof text);
        kj_check_fault(checker, verb, "%s schema: %.400s", member, text);
    }
    kj_schema_destroy(own);
}

static bool kj_check_has_verb(const struct kejue_plugin *decl, const char *name)
{
    for (size_t i = 0; decl->verbs && i < KJ_PLUGIN_MAX_ROWS && decl->verbs[i].name; i++)
        if (kj_streq(decl->verbs[i].name, name))
            return true;
    return false;
}

// "telephony.place" is looked up by "telephony.place.lookup" or "telephony.lookup".
static bool kj_check_has_lookup(const struct kejue_plugin *decl, const char *name)
{
    char own[96], noun[96];
    snprintf(own, sizeof own, "%s.lookup", name);
    snprintf(noun, sizeof noun, "%.*s.lookup", (int)strcspn(name, "."), name);
    return kj_check_has_verb(decl, own) || kj_check_has_verb(decl, noun);
}

static void kj_check_verb(struct kj_checker *checker, size_t at)
{
    const struct kejue_verb *verb = &checker->decl->verbs[at];
    if (!kj_check_name(verb->name, true) || !strchr(verb->name, '.'))
        kj_check_fault(checker, verb->name,
                       "a verb is named like \"crm.upsert\": lower case, "
                       "with a dot");
    if (kj_starts_with(verb->name, "host."))
        kj_check_fault(checker, verb->name, "\"host.\" belongs to the host");
    for (size_t i = 0; i < at; i++)
        if (kj_streq(checker->decl->verbs[i].name, verb->name))
            kj_check_fault(checker, verb->name, "declared twice");
    if (verb->repeat < KEJUE_REPEAT_NONE || verb->repeat > KEJUE_REPEAT_UNIQUE)
        kj_check_fault(checker, verb->name, "repeat is none of the three values");
    if (verb->repeat == KEJUE_REPEAT_WINDOW && verb->repeat_window_ms <= 0)
        kj_check_fault(checker, verb->name, "repeat \"window\" needs repeat_window_ms");
    if (verb->timeout_ms < 0)
        kj_check_fault(checker, verb->name, "timeout_ms is negative");
    if ((verb->flags & KEJUE_LOOKUP) && !kj_check_has_lookup(checker->decl, verb->name))
        kj_check_fault(checker, verb->name,
                       "declares a look-up, but there is neither \"%s.lookup\" nor \"%.*s.lookup\"",
                       verb->name, (int)strcspn(verb->name, "."), verb->name);
    kj_check_schema(checker, verb->name, verb->request_schema, "request");
    kj_check_schema(checker, verb->name, verb->response_schema, "response");
}

static void kj_check_verbs(struct kj_checker *checker)
{
    const struct kejue_verb *verbs = checker->decl->verbs;
    size_t count = 0;
    while (verbs && verbs[count].name && count < KJ_PLUGIN_MAX_ROWS)
        kj_check_verb(checker, count++);
    if (count == KJ_PLUGIN_MAX_ROWS)
        kj_check_fault(checker, "verbs", "more than %d rows: does the list end with {0}?",
                       KJ_PLUGIN_MAX_ROWS - 1);
}

static void kj_check_route(struct kj_checker *checker, const struct kejue_route *route)
{
    const char *place = route->path ? route->path : "routes";
    if (!route->path || route->path[0] != '/')
        kj_check_fault(checker, place, "a route's path begins with /");
    if (!kj_check_has_verb(checker->decl, route->verb))
        kj_check_fault(checker, place, "its verb \"%s\" is not declared",
                       route->verb ? route->verb : "");
    bool hmac = kj_streq(route->scheme, "hmac-sha256-hex");
    if (!hmac && !kj_streq(route->scheme, "none") && !kj_streq(route->scheme, "plugin"))
        kj_check_fault(checker, place, "scheme \"%s\" is not one of none, plugin, hmac-sha256-hex",
                       route->scheme ? route->scheme : "");
    if (!hmac)
        return;
    bson_t property;
    if (!route->header)
        kj_check_fault(checker, place, "hmac-sha256-hex needs the name of the header");
    if (!route->secret_key || !kj_check_key(checker, route->secret_key, &property) ||
        !kj_doc_bool(&property, "writeOnly", false))
        kj_check_fault(checker, place,
                       "hmac-sha256-hex needs a secret_key that the configuration schema declares "
                       "as a writeOnly string");
}

static void kj_check_schedule(struct kj_checker *checker, const struct kejue_schedule *row)
{
    bson_t property;
    if (!kj_check_has_verb(checker->decl, row->verb))
        kj_check_fault(checker, row->verb, "scheduled, but not declared as a verb");
    if (row->interval_ms <= 0)
        kj_check_fault(checker, row->verb, "a schedule needs an interval_ms above 0");
    if (row->config_key && !kj_check_key(checker, row->config_key, &property))
        kj_check_fault(checker, row->verb, "the configuration schema has no key \"%s\"",
                       row->config_key);
}

static void kj_check_names(struct kj_checker *checker, const char *const *names, const char *what)
{
    for (size_t i = 0; names && names[i] && i < KJ_PLUGIN_MAX_ROWS; i++)
        if (!kj_check_name(names[i], true))
            kj_check_fault(checker, names[i], "%s", what);
}

static void kj_check_hosts(struct kj_checker *checker, const char *const *keys)
{
    bson_t property;
    for (size_t i = 0; keys && keys[i] && i < KJ_PLUGIN_MAX_ROWS; i++)
        if (!kj_check_key(checker, keys[i], &property))
            kj_check_fault(checker, keys[i],
                           "named in hosts, but the configuration schema has no such key");
}

static void kj_check_lists(struct kj_checker *checker)
{
    const struct kejue_plugin *decl = checker->decl;
    for (size_t i = 0; decl->routes && decl->routes[i].method && i < KJ_PLUGIN_MAX_ROWS; i++)
        kj_check_route(checker, &decl->routes[i]);
    for (size_t i = 0; decl->schedules && decl->schedules[i].verb && i < KJ_PLUGIN_MAX_ROWS; i++)
        kj_check_schedule(checker, &decl->schedules[i]);
    kj_check_hosts(checker, decl->hosts);
    kj_check_names(checker, decl->events, "an event is named like \"call.ended\"");
    kj_check_names(checker, decl->uses, "a used verb is named like \"crm.upsert\"");
}

static void kj_check_config(struct kj_checker *checker)
{
    struct kj_fault fault = {0};
    struct kj_schema *schema = NULL;
    if (kj_plugin_config_source(checker->decl, &checker->config, &fault) != 0 ||
        kj_schema_compile(checker->config, kj_plugin_resolve, NULL, &schema, &fault) != 0) {
        char text[1024];
        kj_fault_print(&fault, text, sizeof text);
        kj_check_fault(checker, "config_schema", "%.400s", text);
    }
    kj_schema_destroy(schema);
}

size_t kj_plugin_file_check(const struct kj_plugin_file *file, kj_plugin_found *found, void *arg)
{
    struct kj_checker checker = {.decl = &file->decl, .found = found, .arg = arg};
    if (!kj_check_name(file->decl.name, false))
        kj_check_fault(&checker, "name", "a plugin is named like \"crm-connectors\"");
    if (!file->decl.version || !file->decl.version[0])
        kj_check_fault(&checker, "version", "is missing");
    if (!file->decl.open || !file->decl.start || !file->decl.close)
        kj_check_fault(&checker, "entry points", "open, start and close are all needed");
    kj_check_config(&checker);
    kj_check_verbs(&checker);
    kj_check_lists(&checker);
    kj_doc_clear(&checker.config);
    return checker.count;
}
