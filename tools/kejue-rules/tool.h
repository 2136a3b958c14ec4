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
int tool_fault(const struct tool *tool, const struct kj_fault *fault); // EXIT_BAD
// `target` (NULL: scripts) to dir and only; EXIT_USAGE when it is neither folder nor pack.
int tool_find_target(struct tool *tool);
int tool_load(struct tool *tool, struct loaded *loaded); // EXIT_BAD: said already

// The pack of `target` as arguments of a command, {sources, path}; its tests must pass. EXIT_USAGE.
int tool_put_pack(struct tool *tool, bson_t *args);

int tool_replay(int count, char **words); // replay.c: words[0] is "replay"
int tool_send(int count, char **words);   // send.c

#endif
