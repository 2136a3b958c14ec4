// kejue-plugin: what its commands share.
#ifndef KEJUE_PLUGIN_TOOL_H
#define KEJUE_PLUGIN_TOOL_H

#include "doc/doc.h"
#include "host/host.h"
#include "host/plugin_file.h"

struct tool_options {
    const char *command, *file, *config; // config: a JSON file, or NULL = made from the schema
    bool json, money;
};

enum { TOOL_OK = 0, TOOL_FAULTS = 1, TOOL_USAGE = 2, TOOL_NOT_LOADED = 3 };

// What was found, printed as it comes or as one JSON document at the end.
struct tool_report {
    bool json;
    bson_t *doc; // {…, results: []}
    bson_t *results;
    size_t count, faults;
};

void tool_report_init(struct tool_report *report, bool json);
// good = false counts a fault. `place` is a verb or a part of the data.
void tool_report_add(struct tool_report *report, bool good, const char *place, const char *format,
                     ...) KJ_PRINTF(4, 5);
// Prints what is left to print; the exit code.
int tool_report_end(struct tool_report *report);

int tool_check(const struct tool_options *options); // the data
int tool_trial(const struct tool_options *options); // the behaviour

// A small document that a schema allows: its first example, else the required fields. Secrets
// become {file: secret_file}. The caller destroys it.
bson_t *tool_example(const bson_t *schema, const char *secret_file);

#endif
