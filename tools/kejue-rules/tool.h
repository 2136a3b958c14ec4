// What the files of kejue-rules share.
#ifndef KEJUE_RULES_TOOL_H
#define KEJUE_RULES_TOOL_H

#include "script/script.h"

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };

struct tool {
    const char *command, *target, *facts;
    char dir[1024];
    char only[128]; // one pack, "" = all
    bool json, colour;
    struct kj_script *script;
};

struct loaded {
    int status;
    bson_t *list; // the caller destroys it
    struct kj_fault fault;
};

void tool_json(const bson_t *doc);
const char *tool_mark(const struct tool *tool, const char *code);      // "" without a terminal
int tool_usage(const char *text);                                      // EXIT_USAGE
int tool_fault(const struct tool *tool, const struct kj_fault *fault); // EXIT_BAD
// `target` (NULL: scripts) to dir and only; EXIT_USAGE when it is neither folder nor pack.
int tool_find_target(struct tool *tool);
int tool_load(struct tool *tool, struct loaded *loaded); // EXIT_BAD: said already

// The pack of `target` as arguments of a command, {sources, path}; its tests must pass. EXIT_USAGE.
int tool_put_pack(struct tool *tool, bson_t *args);
void tool_on_loaded(void *arg, int status, const bson_t *list, const struct kj_fault *fault);

int tool_check(struct tool *tool);
int tool_judge(struct tool *tool);
int tool_explain(struct tool *tool);
int tool_repl(struct tool *tool);
int tool_new(int count, char **words); // words[0] is the command
int tool_types(int count, char **words);
// Reads facts, judges; EXIT_GOOD with *plan, else said already.
int tool_decide(struct tool *tool, const bson_t *facts, bson_t **plan);
int tool_facts(struct tool *tool, bson_t **facts);
void tool_print_plan(const struct tool *tool, const bson_t *plan, const char *section);

int tool_replay(int count, char **words); // replay.c: words[0] is "replay"
int tool_send(int count, char **words);   // send.c

#endif
