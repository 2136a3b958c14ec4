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
    "  kejue-rules judge FILE FACTS.json   the plan of a pack for one call, with its explanation\n"
    "  kejue-rules replay --pack FILE      what FILE would have made of past calls\n"
    "  kejue-rules send --pack FILE        keeps FILE in kejued by its hash, for a trial\n"
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

static const char *mark(const struct tool *tool, const char *code)
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
        fprintf(stderr, "%s%s%s\n", mark(tool, "\033[31m"), text, mark(tool, "\033[0m"));
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

static void on_loaded(void *arg, int status, const bson_t *list, const struct kj_fault *fault)
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
    kj_script_load(tool->script, tool->only[0] ? tool->only : NULL, false, on_loaded, loaded);
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
                printf("%sFAILED%s %s: %s\n       %s\n", mark(tool, "\033[31m"),
                       mark(tool, "\033[0m"), kj_doc_text(&one, "file", ""),
                       kj_doc_text(&one, "name", ""), kj_doc_text(&one, "text", ""));
            }
        }
        printf("%s%lld tests, %zu failed%s\n", mark(tool, count ? "\033[31m" : "\033[32m"),
               (long long)kj_doc_int(result, "tests", 0), count, mark(tool, "\033[0m"));
    }
    bson_destroy(result);
    return count ? EXIT_BAD : EXIT_GOOD;
}

// --- check ---

struct warnings {
    bson_t array;
    struct kj_doc_list list;
};

static void warn(struct warnings *warnings, const char *path, int line, const char *text)
{
    char place[256];
    bson_t one = BSON_INITIALIZER;
    snprintf(place, sizeof place, "%.200s:%d", path, line);
    kj_doc_put_text(&one, "place", place);
    kj_doc_put_text(&one, "text", text);
    kj_doc_put_doc(&warnings->array, kj_doc_next(&warnings->list), &one);
    bson_destroy(&one);
}

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
            }
        }
    }
    kj_doc_clear(&about);
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
            printf("%swarning%s %s: %s\n", mark(tool, "\033[33m"), mark(tool, "\033[0m"),
                   kj_doc_text(&out, place, ""), kj_doc_text(&out, text, ""));
        }
        printf("%zu packs, %zu hooks, %u warnings\n", kj_doc_count(&out, "packs"),
               kj_doc_count(&out, "hooks"), warnings->list.count);
    }
    bson_destroy(&out);
}

static int command_check(struct tool *tool)
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
    }
    print_check(tool, loaded.list, &warnings);
    bson_destroy(&warnings.array);
    kj_doc_clear(&loaded.list);
    return EXIT_GOOD;
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

// --- judge ---

static void on_decided(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct loaded *decided = arg;
    on_loaded(decided, status, plan, fault);
}

static int command_judge(struct tool *tool)
{
    struct loaded loaded = {0}, decided = {0};
    struct kj_fault fault = {0};
    struct kj_buf text;
    bson_t *facts = NULL;
    int code = tool_load(tool, &loaded);
    kj_doc_clear(&loaded.list);
    if (code) {
        return code;
    }
    kj_buf_init(&text, 0);
    int status = kj_read_file(tool->facts, 1 << 20, &text, &fault);
    status = status ? status : kj_json_parse(text.data, text.length, NULL, &facts, NULL, &fault);
    kj_buf_fini(&text);
    if (status) {
        return tool_fault(tool, &fault);
    }
    kj_script_decide(tool->script, tool->only, facts, on_decided, &decided);
    code = decided.status ? tool_fault(tool, &decided.fault) : EXIT_GOOD;
    if (decided.list) {
        tool_json(decided.list);
    }
    kj_doc_clear(&decided.list);
    kj_doc_clear(&facts);
    return code;
}

// --- main ---

static int usage(const char *text)
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
            return usage("there is no such option");
        } else if (used == KJ_COUNT(words)) {
            return usage("too many arguments");
        } else {
            words[used++] = arguments[i];
        }
    }
    tool->command = words[0];
    tool->target = words[1];
    tool->facts = words[2];
    tool->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return tool->command ? EXIT_GOOD : usage("a command is missing");
}

// Those with options of their own; -1: it is none of them.
static int ask_daemon(int count, char **words)
{
    if (strcmp(words[0], "replay") == 0) {
        return tool_replay(count, words);
    }
    return strcmp(words[0], "send") == 0 ? tool_send(count, words) : -1;
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        int (*run)(struct tool *);
    } commands[] = {{"test", command_test},
                    {"check", command_check},
                    {"list", command_list},
                    {"judge", command_judge}};
    struct tool tool = {0};
    struct kj_fault fault = {0};
    int code = count > 1 ? ask_daemon(count - 1, arguments + 1) : -1;
    if (code >= 0) {
        return code;
    }
    code = read_arguments(count, arguments, &tool);
    int (*run)(struct tool *) = NULL;
    for (size_t i = 0; code == EXIT_GOOD && i < KJ_COUNT(commands); i++) {
        run = strcmp(commands[i].name, tool.command) == 0 ? commands[i].run : run;
    }
    if (code == EXIT_GOOD && !run) {
        code = usage("there is no such command");
    }
    if (code == EXIT_GOOD) {
        code = tool_find_target(&tool);
    }
    if (code == EXIT_GOOD && run == command_judge && (!tool.facts || !tool.only[0])) {
        code = usage("judge takes a file in rules/ and a file of facts");
    }
    if (code != EXIT_GOOD) {
        return code;
    }
    struct kj_script_config config = {.dir = tool.dir};
    if (kj_script_create(&config, &tool.script, &fault) != 0) {
        return tool_fault(&tool, &fault);
    }
    code = run(&tool);
    kj_script_destroy(tool.script);
    return code;
}
