// kejue-plugin check: every fault of the data, and a summary of what the plugin offers.
#include "base/str.h"
#include "doc/json.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tool_report_init(struct tool_report *report, bool json)
{
    *report = (struct tool_report){.json = json, .doc = bson_new(), .results = bson_new()};
}

void tool_report_add(struct tool_report *report, bool good, const char *place, const char *format,
                     ...)
{
    char text[768], key[16];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report->faults += !good;
    if (!report->json) {
        printf("%-6s %s: %s\n", good ? "ok" : "FAULT", place, text);
        return;
    }
    bson_t row = BSON_INITIALIZER;
    snprintf(key, sizeof key, "%zu", report->count++);
    kj_doc_put_bool(&row, "ok", good);
    kj_doc_put_text(&row, "place", place);
    kj_doc_put_text(&row, "text", text);
    kj_doc_put_doc(report->results, key, &row);
    bson_destroy(&row);
}

int tool_report_end(struct tool_report *report)
{
    if (report->json) {
        struct kj_buf text;
        kj_buf_init(&text, 0);
        kj_doc_put_int(report->doc, "faults", (int64_t)report->faults);
        kj_doc_put_array(report->doc, "results", report->results);
        kj_json_write(report->doc, KJ_JSON_PRETTY, &text);
        puts(text.data);
        kj_buf_fini(&text);
    } else if (report->faults) {
        printf("%zu fault(s)\n", report->faults);
    }
    kj_doc_clear(&report->doc);
    kj_doc_clear(&report->results);
    return report->faults ? TOOL_FAULTS : TOOL_OK;
}

static void on_found(void *arg, const char *place, const char *text)
{
    tool_report_add(arg, false, place ? place : "", "%s", text);
}

static void describe(struct tool_report *report, const struct kj_plugin_file *file)
{
    const struct kejue_plugin *decl = &file->decl;
    if (report->json) {
        kj_doc_put_text(report->doc, "name", decl->name);
        kj_doc_put_text(report->doc, "version", decl->version);
        kj_doc_put_int(report->doc, "major", decl->major);
        kj_doc_put_int(report->doc, "minor", decl->minor);
        kj_doc_put_int(report->doc, "size", (int64_t)file->size);
    } else {
        printf("%s %s, plugin boundary %u.%u, table of %zu bytes\n",
               decl->name ? decl->name : "(no name)", decl->version ? decl->version : "",
               decl->major, decl->minor, file->size);
    }
}

static void summarise(struct tool_report *report, const struct kejue_plugin *decl)
{
    static const char *const repeats[] = {"none", "window", "unique"};
    for (size_t i = 0; decl->verbs && decl->verbs[i].name; i++) {
        const struct kejue_verb *verb = &decl->verbs[i];
        tool_report_add(report, true, verb->name, "verb%s%s%s%s, repeat %s",
                        verb->flags & KEJUE_IDEMPOTENT ? ", idempotent" : "",
                        verb->flags & KEJUE_MONEY ? ", costs or touches a person" : "",
                        verb->flags & KEJUE_LOOKUP ? ", can be looked up" : "",
                        verb->flags & KEJUE_SIMULATED ? ", simulated" : "", repeats[verb->repeat]);
    }
    for (size_t i = 0; decl->routes && decl->routes[i].method; i++)
        tool_report_add(report, true, decl->routes[i].path, "route, %s, verified by: %s",
                        decl->routes[i].method, decl->routes[i].scheme);
    for (size_t i = 0; decl->schedules && decl->schedules[i].verb; i++)
        tool_report_add(report, true, decl->schedules[i].verb, "scheduled every %lld ms",
                        (long long)decl->schedules[i].interval_ms);
}

int tool_check(const struct tool_options *options)
{
    struct kj_plugin_file *file = NULL;
    struct kj_fault fault = {0};
    struct tool_report report;
    tool_report_init(&report, options->json);
    if (kj_plugin_file_open(options->file, ".", &file, &fault) != 0) {
        tool_report_add(&report, false, fault.place, "%s; %s", fault.text, fault.hint);
        tool_report_end(&report);
        return TOOL_NOT_LOADED;
    }
    describe(&report, file);
    if (kj_plugin_file_check(file, on_found, &report) == 0)
        summarise(&report, &file->decl);
    kj_plugin_file_close(file);
    return tool_report_end(&report);
}
