// What the files of kejuectl share. One process, one command, one thread.
#ifndef KEJUECTL_H
#define KEJUECTL_H

#include "base/alloc.h"
#include "doc/json.h"

#include <stdio.h>

// Exit codes.
enum { CTL_OK = 0, CTL_REFUSED = 1, CTL_USAGE = 2, CTL_AWAY = 3 };

struct ctl {
    char bus[256], events[256]; // URLs
    const char *token, *key, *file;
    bool harmless; // what is asked may be done twice: no key is sent, and no answer kept for it
    int timeout_ms;
    int count; // watch: end after so many events; 0 = never
    bool json;
    bool terminal, color; // of standard output
    bool progress;        // a bar on standard error
    int width;            // columns; 0 = no limit
    struct ctl_link *link;
};

// --- ask.c: requests over the bus ---
// One command. CTL_OK and *result (the caller destroys it), or another exit code, then the error
// is on standard error. `args` NULL = {}.
int ctl_ask(struct ctl *ctl, const char *command, const bson_t *args, bson_t **result);
void ctl_hang_up(struct ctl *ctl);

// --- surroundings.c ---
// The bus of `bus`, else of the folder `dir`, else of $KEJUE_BUS, else the installed one's. CTL_OK
// or CTL_USAGE.
int ctl_find_bus(struct ctl *ctl, const char *dir, const char *bus);
void ctl_find_terminal(struct ctl *ctl);

// --- say.c: errors ---
// "kejuectl: place: text; hint" and returns `code`.
int ctl_say(int code, const char *place, const char *hint, const char *format, ...) KJ_PRINTF(4, 5);
int ctl_say_fault(int code, const struct kj_fault *fault);

// --- arguments.c: words of the command line to a document ---
// `command` NULL = no schema is known. CTL_OK or CTL_USAGE.
int ctl_arguments(struct ctl *ctl, const char *command, char **words, int count, bson_t **args);
bool ctl_read_input(const char *path, struct kj_buf *text, struct kj_fault *fault); // "-" = stdin

// --- schema.c: what the embedded schemas know ---
const bson_t *ctl_about(const char *command); // NULL = no such command
// The schema of a property below `schema`, by reference or in place; false = not known.
bool ctl_property(const bson_t *schema, const char *name, bson_t *property);
bool ctl_allows(const bson_t *schema, const char *type); // also when it says nothing about types
bool ctl_typed(const bson_t *schema);                    // it says something
size_t ctl_commands(const char **names, size_t size);
const char *ctl_nearest(const char *name);

// --- text.c: width and colour ---
size_t ctl_columns(const char *text); // on a terminal
// At most `columns` of text, padded to them when `pad`; control characters become dots.
void ctl_cut(struct kj_buf *out, const char *text, size_t columns, bool pad);
enum { CTL_BOLD, CTL_DIM, CTL_GREEN, CTL_RED, CTL_YELLOW };
void ctl_color(const struct ctl *ctl, struct kj_buf *out, int color, const char *text);
void ctl_time(struct kj_buf *out, int64_t wall_ms); // "2026-03-02 06:00:12"
void ctl_duration(struct kj_buf *out, int64_t ms);  // "1.2 s", "3 m 20 s", "2 h 5 m", "3 d 4 h"
// A value as people read it; `key` tells durations (…_ms). Documents as JSON.
void ctl_value(struct kj_buf *out, const char *key, const bson_iter_t *at);

// --- show.c: results for people ---
void ctl_show(const struct ctl *ctl, const bson_t *result);
void ctl_show_pairs(const struct ctl *ctl, const bson_t *doc, int indent);
void ctl_show_table(const struct ctl *ctl, const bson_t *rows, int indent);
void ctl_put_json(const bson_t *doc); // one line on standard output
void ctl_flush(struct kj_buf *out);   // to standard output; empties it

// --- progress.c ---
struct ctl_bar {
    const struct ctl *ctl;
    const char *label;
    int64_t drawn; // real ms
};
void ctl_bar_draw(struct ctl_bar *bar, int64_t done, int64_t total, const char *more);
void ctl_bar_end(struct ctl_bar *bar);

// --- summary.c: what came of an import in parts ---
struct ctl_sum {
    bson_t *refused; // rows {line, reason, text …} in the order of the file
    struct kj_doc_list list;
    const char *names[8]; // numbers that are added up
    int64_t counts[8];
    char text[201]; // a name told back ("list")
    const char *text_name;
};
void ctl_sum_init(struct ctl_sum *sum, const char *const *names);
void ctl_sum_add(struct ctl_sum *sum, const bson_t *result);
void ctl_sum_refuse(struct ctl_sum *sum, int64_t line, const char *reason, const char *text);
// Prints it and frees; CTL_OK, or CTL_REFUSED when something was refused.
int ctl_sum_end(struct ctl *ctl, struct ctl_sum *sum);

// --- the verbs of their own ---
int ctl_help(const struct ctl *ctl, const char *name);
int ctl_why(struct ctl *ctl, char **words, int count);
int ctl_watch(struct ctl *ctl, char **words, int count);
int ctl_import_leads(struct ctl *ctl, const char *path, char **words, int count);
int ctl_refuse_leads(struct ctl *ctl, const char *path, char **words, int count);
int ctl_import_calls(struct ctl *ctl, const char *path, char **words, int count);
int ctl_campaign_watch(struct ctl *ctl, char **words, int count);
int ctl_rehearse(struct ctl *ctl, char **words, int count);

#endif
