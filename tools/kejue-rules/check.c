// kejue-rules check: what is allowed and yet likely a mistake. Errors were told by loading.
#include "tool.h"

#include "base/alloc.h"
#include "base/str.h"
#include "doc/json.h"
#include "doc/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_MAX = 128, SOURCE_MAX = 1 << 20 };

struct warnings {
    bson_t array;
    struct kj_doc_list list;
};

static bool said_before(const struct warnings *warnings, const char *place, const char *text)
{
    bson_iter_t at;
    bson_iter_init(&at, &warnings->array);
    while (bson_iter_next(&at)) {
        bson_t one;
        if (kj_doc_child(&warnings->array, bson_iter_key(&at), &one) &&
            strcmp(kj_doc_text(&one, "place", ""), place) == 0 &&
            strcmp(kj_doc_text(&one, "text", ""), text) == 0) {
            return true;
        }
    }
    return false;
}

static void warn_at(struct warnings *warnings, const char *place, const char *text)
{
    bson_t one = BSON_INITIALIZER;
    if (said_before(warnings, place, text)) {
        return; // by a pack that extends this one
    }
    kj_doc_put_text(&one, "place", place);
    kj_doc_put_text(&one, "text", text);
    kj_doc_put_doc(&warnings->array, kj_doc_next(&warnings->list), &one);
    bson_destroy(&one);
}

static void warn(struct warnings *warnings, const char *path, int line, const char *text)
{
    char place[256];
    snprintf(place, sizeof place, "%.200s:%d", path, line);
    warn_at(warnings, place, text);
}

// The line of a text in a source, from 1.
static int line_of(const char *source, const char *at)
{
    int line = 1;
    for (const char *end = source; (end = memchr(end, '\n', (size_t)(at - end))); end++) {
        line++;
    }
    return line;
}

// --- names that nobody offers: of verbs and events ---

struct known {
    const char *names[KNOWN_MAX];
    size_t count;
};

static void know(struct known *known, const char *prefix, const char *const *more, size_t count)
{
    known->count = kj_schema_names(prefix, known->names, KNOWN_MAX - count);
    for (size_t i = 0; i < known->count; i++) {
        known->names[i] += strlen(prefix);
    }
    for (size_t i = 0; i < count; i++) {
        known->names[known->count++] = more[i];
    }
}

static bool is_known(const struct known *known, const char *name)
{
    for (size_t i = 0; i < known->count; i++) {
        if (strcmp(known->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void warn_name(struct warnings *warnings, const char *path, int line,
                      const struct known *known, const char *what, const char *name)
{
    char text[300];
    const char *near = kj_nearest(name, known->names, known->count);
    if (!is_known(known, name)) {
        snprintf(text, sizeof text, "no plugin that comes with Kejue %s \"%s\"%s%s%s", what, name,
                 near ? "; did you mean \"" : " (one of your own may)", near ? near : "",
                 near ? "\"?" : "");
        warn(warnings, path, line, text);
    }
}

// verb = "crm.upsrt"
static void warn_verbs(struct warnings *warnings, const char *path, const char *text)
{
    struct known verbs;
    know(&verbs, "verbs/", NULL, 0);
    for (const char *at = text; (at = strstr(at, "verb = \""));) {
        char name[80];
        int line = line_of(text, at);
        at += strlen("verb = \"");
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\"\n"), at);
        warn_name(warnings, path, line, &verbs, "offers the verb", name);
    }
}

static void warn_hook(const struct tool *tool, struct warnings *warnings, const bson_t *hook)
{
    static const char *const triggers[] = {"lead.arrived", "schedule"};
    struct known verbs, events;
    struct kj_buf source;
    char path[1400], name[200], quoted[100];
    bson_iter_t at;
    bson_t uses;
    know(&verbs, "verbs/", NULL, 0);
    know(&events, "events/", triggers, KJ_COUNT(triggers));
    const char *file = kj_doc_text(hook, "file", ""), *on = kj_doc_text(hook, "on", "");
    snprintf(name, sizeof name, "hooks/%.*s", (int)strcspn(file, ":"), file);
    snprintf(path, sizeof path, "%s/%s", tool->dir, name);
    kj_buf_init(&source, 0);
    const char *text = kj_read_file(path, SOURCE_MAX, &source, NULL) == 0 ? source.data : "";
    snprintf(quoted, sizeof quoted, "\"%.90s\"", on);
    const char *found = strstr(text, quoted);
    if (!kj_starts_with(on, "kind.")) {
        warn_name(warnings, name, found ? line_of(text, found) : 1, &events, "tells of", on);
    }
    if (kj_doc_child(hook, "uses", &uses) && bson_iter_init(&at, &uses)) {
        while (bson_iter_next(&at)) {
            snprintf(quoted, sizeof quoted, "\"%.90s\"", bson_iter_utf8(&at, NULL));
            found = strstr(text, quoted);
            warn_name(warnings, name, found ? line_of(text, found) : 1, &verbs, "offers the verb",
                      bson_iter_utf8(&at, NULL));
        }
    }
    kj_buf_fini(&source);
}

// --- packs ---

// "not c.vars.x": true also when nobody asked.
static void warn_not(struct warnings *warnings, const char *path, const char *text)
{
    int line = 1;
    for (const char *at = text; *at; line++) {
        const char *end = strchr(at, '\n');
        size_t length = end ? (size_t)(end - at) : strlen(at);
        const char *comment = memmem(at, length, "--", 2);
        const char *found = memmem(at, length, "not c.vars.", 11);
        if (found && (!comment || found < comment)) {
            warn(warnings, path, line,
                 "\"not c.vars.x\" also holds when nobody asked: use c.is(\"x\", false) or "
                 "c.missing(\"x\")");
        }
        at += length + (end != NULL);
    }
}

static void warn_pack(struct tool *tool, struct warnings *warnings, const char *name)
{
    bson_t *about = kj_script_describe(tool->script, name), sources;
    bson_iter_t at;
    if (about && kj_doc_child(about, "sources", &sources) && bson_iter_init(&at, &sources)) {
        while (bson_iter_next(&at)) {
            if (BSON_ITER_HOLDS_UTF8(&at)) {
                warn_not(warnings, bson_iter_key(&at), bson_iter_utf8(&at, NULL));
                warn_verbs(warnings, bson_iter_key(&at), bson_iter_utf8(&at, NULL));
            }
        }
    }
    if (about && kj_doc_child(about, "warnings", &sources) && bson_iter_init(&at, &sources)) {
        while (bson_iter_next(&at)) { // what loading has noticed
            bson_append_iter(&warnings->array, kj_doc_next(&warnings->list), -1, &at);
        }
    }
    kj_doc_clear(&about);
}

// The pack tried on two calls of which next to nothing is known: what a function takes for granted
// fails here, with the line, before it fails in a campaign.
static void warn_faults(struct tool *tool, struct warnings *warnings, const char *name)
{
    static const char *const calls[] = {
        "{\"kind\":\"call\",\"now\":\"2026-01-05T10:00:00Z\",\"lead\":{\"id\":\"lead_1\"},\"call\":"
        "{\"reached\":true,"
        "\"disposition\":\"completed\",\"attempt\":1,\"attempts_left\":2}}",
        "{\"kind\":\"call\",\"now\":\"2026-01-05T10:00:00Z\",\"lead\":{\"id\":\"lead_1\"},\"call\":"
        "{\"reached\":false,"
        "\"disposition\":\"no_answer\",\"attempt\":3,\"attempts_left\":0}}"};
    for (size_t i = 0; i < KJ_COUNT(calls); i++) {
        struct loaded decided = {0};
        bson_t *facts = NULL, faults;
        bson_iter_t at;
        if (kj_json_parse(calls[i], strlen(calls[i]), NULL, &facts, NULL, NULL) == 0) {
            kj_script_decide(tool->script, name, facts, tool_on_loaded, &decided);
        }
        bool any = decided.list && kj_doc_child(decided.list, "faults", &faults) &&
                   bson_iter_init(&at, &faults);
        while (any && bson_iter_next(&at)) {
            bson_t one;
            char text[400];
            if (kj_doc_child(&faults, bson_iter_key(&at), &one)) {
                snprintf(text, sizeof text, "on %s: %.300s",
                         i ? "a call that nobody answered" : "a call of which nothing is known",
                         kj_doc_text(&one, "text", ""));
                warn_at(warnings, kj_doc_text(&one, "at", ""), text);
            }
        }
        kj_doc_clear(&decided.list);
        kj_doc_clear(&facts);
    }
}

static void print_check(const struct tool *tool, const bson_t *list, struct warnings *warnings)
{
    bson_t out = BSON_INITIALIZER;
    kj_doc_put_bool(&out, "ok", true);
    kj_doc_put_from(&out, "packs", list, "packs");
    kj_doc_put_from(&out, "hooks", list, "hooks");
    kj_doc_put_array(&out, "warnings", &warnings->array);
    if (tool->json) {
        tool_json(&out);
    } else {
        for (uint32_t i = 0; i < warnings->list.count; i++) {
            char place[40], text[40];
            snprintf(place, sizeof place, "warnings.%u.place", i);
            snprintf(text, sizeof text, "warnings.%u.text", i);
            printf("%swarning%s %s: %s\n", tool_mark(tool, "\033[33m"), tool_mark(tool, "\033[0m"),
                   kj_doc_text(&out, place, ""), kj_doc_text(&out, text, ""));
        }
        printf("%zu packs, %zu hooks, %u warnings\n", kj_doc_count(&out, "packs"),
               kj_doc_count(&out, "hooks"), warnings->list.count);
    }
    bson_destroy(&out);
}

int tool_check(struct tool *tool)
{
    struct loaded loaded = {0};
    struct warnings warnings;
    int code = tool_load(tool, &loaded);
    if (code) {
        return code;
    }
    bson_init(&warnings.array);
    warnings.list = (struct kj_doc_list){.array = &warnings.array};
    size_t count = kj_doc_count(loaded.list, "packs");
    for (size_t i = 0; i < count; i++) {
        char path[40];
        snprintf(path, sizeof path, "packs.%zu.name", i);
        warn_pack(tool, &warnings, kj_doc_text(loaded.list, path, ""));
        warn_faults(tool, &warnings, kj_doc_text(loaded.list, path, ""));
    }
    count = tool->only[0] ? 0 : kj_doc_count(loaded.list, "hooks");
    for (size_t i = 0; i < count; i++) {
        char path[40];
        bson_t hook;
        snprintf(path, sizeof path, "hooks.%zu", i);
        if (kj_doc_child(loaded.list, path, &hook)) {
            warn_hook(tool, &warnings, &hook);
        }
    }
    print_check(tool, loaded.list, &warnings);
    bson_destroy(&warnings.array);
    kj_doc_clear(&loaded.list);
    return EXIT_GOOD;
}
