// kejue-rules: what an integrator runs beside the editor. Tests, checks and lists the packs and
// hooks of a scripts directory, and judges one call from a file of facts; the same code as the
// host.
#include "tool.h"

#include "base/alloc.h"
#include "doc/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char k_help[] =
    "kejue-rules: test, check and list rule packs and hooks\n"
    "\n"
    "  kejue-rules test  [DIR|FILE]        run the tests beside packs and hooks\n"
    "  kejue-rules check [DIR|FILE]        load everything and warn about likely mistakes\n"
    "  kejue-rules list  [DIR]             what is there: packs with their hash, hooks\n"
    "  kejue-rules judge FILE FACTS.json   the plan of a pack for one call, as JSON\n"
    "  kejue-rules explain FILE FACTS.json which line decided what, and why\n"
    "  kejue-rules repl FILE FACTS.json    try a pack on a call: change facts, ask, look again\n"
    "  kejue-rules replay --pack FILE      what FILE would have made of past calls\n"
    "  kejue-rules send --pack FILE        keeps FILE in kejued by its hash, for a trial\n"
    "  kejue-rules new NAME [DIR]          a pack to begin with, and its tests\n"
    "  kejue-rules types [DIR]             what an editor needs to complete c. and kejue.\n"
    "\n"
    "DIR holds rules/, hooks/ and lib/ (default: scripts). FILE is one pack in rules/.\n"
    "  --json   print JSON            --help   this text, or that of replay and send\n"
    "Exit: 0 all is well, 1 a test failed or a file is faulty, 2 wrong usage.\n";

void tool_json(const bson_t *doc)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    kj_json_write(doc, KJ_JSON_PRETTY, &out);
    puts(out.data ? out.data : "{}");
    kj_buf_fini(&out);
}

const char *tool_mark(const struct tool *tool, const char *code)
{
    return tool->colour ? code : "";
}

int tool_fault(const struct tool *tool, const struct kj_fault *fault)
{
    char text[sizeof *fault];
    if (tool->json) {
        bson_t doc = BSON_INITIALIZER;
        kj_doc_put_bool(&doc, "ok", false);
        kj_doc_put_text(&doc, "place", fault->place);
        kj_doc_put_text(&doc, "text", fault->text);
        kj_doc_put_text(&doc, "hint", fault->hint[0] ? fault->hint : NULL);
        tool_json(&doc);
        bson_destroy(&doc);
    } else {
        kj_fault_print(fault, text, sizeof text);
        fprintf(stderr, "%s%s%s\n", tool_mark(tool, "\033[31m"), text, tool_mark(tool, "\033[0m"));
    }
    return EXIT_BAD;
}

// --- the target: a directory, or one file of its rules/ ---

static bool split_file(struct tool *tool)
{
    const char *rules = strstr(tool->target, "rules/"), *from = rules;
    while (rules) { // the last "rules/" of the path
        from = rules;
        rules = strstr(rules + 1, "rules/");
    }
    if (!from) {
        return false;
    }
    size_t length = strcspn(from + 6, "/.");
    snprintf(tool->only, sizeof tool->only, "%.*s", (int)length, from + 6);
    char *tail = strstr(tool->only, "_test");
    if (tail && tail[5] == '\0') {
        *tail = '\0'; // the file of tests was named: its pack is meant
    }
    snprintf(tool->dir, sizeof tool->dir, "%.*s", (int)(from - tool->target), tool->target);
    if (tool->dir[0] == '\0') {
        snprintf(tool->dir, sizeof tool->dir, ".");
    }
    return true;
}

int tool_find_target(struct tool *tool)
{
    struct stat about;
    tool->target = tool->target ? tool->target : "scripts";
    if (stat(tool->target, &about) != 0) {
        fprintf(stderr, "%s: there is no such file or folder\n", tool->target);
        return EXIT_USAGE;
    }
    if (S_ISDIR(about.st_mode)) {
        snprintf(tool->dir, sizeof tool->dir, "%s", tool->target);
    } else if (!split_file(tool)) {
        fprintf(stderr, "%s: a single file must be a pack in a folder rules/\n", tool->target);
        return EXIT_USAGE;
    }
    return EXIT_GOOD;
}

// --- loading ---

void tool_on_loaded(void *arg, int status, const bson_t *list, const struct kj_fault *fault)
{
    struct loaded *loaded = arg;
    loaded->status = status;
    loaded->list = list ? bson_copy(list) : NULL;
    if (fault) {
        loaded->fault = *fault;
    }
}

int tool_load(struct tool *tool, struct loaded *loaded)
{
    kj_script_load(tool->script, tool->only[0] ? tool->only : NULL, false, tool_on_loaded, loaded);
    return loaded->status ? tool_fault(tool, &loaded->fault) : EXIT_GOOD;
}

// --- test ---

static int command_test(struct tool *tool)
{
    struct kj_fault fault = {0};
    bson_t *result = kj_script_test(tool->script, tool->only[0] ? tool->only : NULL, &fault);
    if (!result) {
        return tool_fault(tool, &fault);
    }
    bson_t failed;
    bson_iter_t at;
    size_t count = kj_doc_count(result, "failed");
    if (tool->json) {
        tool_json(result);
    } else {
        bool any = kj_doc_child(result, "failed", &failed) && bson_iter_init(&at, &failed);
        for (size_t i = 0; any && i < count; i++) {
            char path[32];
            bson_t one;
            snprintf(path, sizeof path, "%zu", i);
            if (kj_doc_child(&failed, path, &one)) {
                printf("%sFAILED%s %s: %s\n       %s\n", tool_mark(tool, "\033[31m"),
                       tool_mark(tool, "\033[0m"), kj_doc_text(&one, "file", ""),
                       kj_doc_text(&one, "name", ""), kj_doc_text(&one, "text", ""));
            }
        }
        printf("%s%lld tests, %zu failed%s\n", tool_mark(tool, count ? "\033[31m" : "\033[32m"),
               (long long)kj_doc_int(result, "tests", 0), count, tool_mark(tool, "\033[0m"));
    }
    bson_destroy(result);
    return count ? EXIT_BAD : EXIT_GOOD;
}

// --- list ---

static void print_rows(const bson_t *list, const char *rows, const char *const *fields)
{
    size_t count = kj_doc_count(list, rows);
    for (size_t i = 0; i < count; i++) {
        char path[80];
        for (size_t f = 0; fields[f]; f++) {
            snprintf(path, sizeof path, "%s.%zu.%s", rows, i, fields[f]);
            const char *text = kj_doc_text(list, path, "");
            printf(f ? "  %.*s" : "%-28.*s", f == 2 ? 12 : 80, text);
        }
        putchar('\n');
    }
}

static int command_list(struct tool *tool)
{
    static const char *const packs[] = {"name", "path", "hash", NULL};
    static const char *const hooks[] = {"file", "on", NULL};
    struct loaded loaded = {0};
    int code = tool_load(tool, &loaded);
    if (code == EXIT_GOOD && tool->json) {
        tool_json(loaded.list);
    } else if (code == EXIT_GOOD) {
        print_rows(loaded.list, "packs", packs);
        print_rows(loaded.list, "hooks", hooks);
    }
    kj_doc_clear(&loaded.list);
    return code;
}

// --- main ---

int tool_usage(const char *text)
{
    fprintf(stderr, "kejue-rules: %s\nTry kejue-rules --help\n", text);
    return EXIT_USAGE;
}

static int read_arguments(int count, char **arguments, struct tool *tool)
{
    const char *words[3] = {NULL, NULL, NULL};
    size_t used = 0;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--json") == 0) {
            tool->json = true;
        } else if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0) {
            fputs(k_help, stdout);
            exit(EXIT_GOOD);
        } else if (arguments[i][0] == '-') {
            return tool_usage("there is no such option");
        } else if (used == KJ_COUNT(words)) {
            return tool_usage("too many arguments");
        } else {
            words[used++] = arguments[i];
        }
    }
    tool->command = words[0];
    tool->target = words[1];
    tool->facts = words[2];
    tool->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return tool->command ? EXIT_GOOD : tool_usage("a command is missing");
}

struct command {
    const char *name;
    int (*run)(struct tool *);
    bool one_call; // takes a file of facts
};

static const struct command k_commands[] = {
    {"test", command_test, false}, {"check", tool_check, false},    {"list", command_list, false},
    {"judge", tool_judge, true},   {"explain", tool_explain, true}, {"repl", tool_repl, true}};

static int run_command(struct tool *tool)
{
    struct kj_fault fault = {0};
    const struct command *command = NULL;
    for (size_t i = 0; i < KJ_COUNT(k_commands); i++) {
        command = strcmp(k_commands[i].name, tool->command) == 0 ? &k_commands[i] : command;
    }
    if (!command) {
        return tool_usage("there is no such command");
    }
    int code = tool_find_target(tool);
    if (code != EXIT_GOOD) {
        return code;
    }
    if (command->one_call && (!tool->facts || !tool->only[0])) {
        return tool_usage("this takes a file in rules/ and a file of facts");
    }
    struct kj_script_config config = {.dir = tool->dir};
    if (kj_script_create(&config, &tool->script, &fault) != 0) {
        return tool_fault(tool, &fault);
    }
    code = command->run(tool);
    kj_script_destroy(tool->script);
    return code;
}

int main(int count, char **arguments)
{
    static const struct { // these have options of their own
        const char *name;
        int (*run)(int count, char **words);
    } own[] = {
        {"replay", tool_replay}, {"send", tool_send}, {"new", tool_new}, {"types", tool_types}};
    struct tool tool = {0};
    for (size_t i = 0; count > 1 && i < KJ_COUNT(own); i++) {
        if (strcmp(arguments[1], own[i].name) == 0) {
            return own[i].run(count - 1, arguments + 1);
        }
    }
    int code = read_arguments(count, arguments, &tool);
    return code == EXIT_GOOD ? run_command(&tool) : code;
}
