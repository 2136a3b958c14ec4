// kejue-rules repl: a call at hand, to try a pack on. An expression on `c` is judged by the pack's
// own sandbox: as the effect of a pack that extends it, so that nothing works here that would not
// work there. Facts are changed by path; the file of the pack may be edited meanwhile.
#include "tool.h"

#include "base/alloc.h"
#include "doc/json.h"

#include <ctype.h>
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct repl {
    struct tool *tool;
    bson_t *facts;
    bool quit;
};

static const char k_commands[] =
    "  c.lead.first_name         any Lua expression on the call, as a rule would see it\n"
    "  .plan [SECTION]           what the pack decides, and which line decided it\n"
    "  .json                     the plan as JSON\n"
    "  .set PATH JSON            changes a fact:   .set call.language \"de\"\n"
    "  .answer \"TEXT\" JSON       what the model said of a text: true, false or null\n"
    "  .var NAME JSON            what the model found as a variable\n"
    "  .facts [PATH]             the facts\n"
    "  .reload                   the pack as its file is now\n"
    "  .save FILE                writes the facts\n"
    "  .quit                     (or the end of the input)\n";

// --- facts ---

// A copy of `doc` with the value at the path set; documents on the way are made.
static bson_t *with_value(const bson_t *doc, const char *path, const bson_t *value)
{
    char head[128];
    bson_t change = BSON_INITIALIZER, child;
    size_t length = strcspn(path, ".");
    bson_iter_t at;
    snprintf(head, sizeof head, "%.*s", (int)length, path);
    if (path[length] == '.') {
        bson_t empty = BSON_INITIALIZER;
        bool there = kj_doc_child(doc, head, &child);
        bson_t *below = with_value(there ? &child : &empty, path + length + 1, value);
        kj_doc_put_doc(&change, head, below);
        bson_destroy(below);
        bson_destroy(&empty);
    } else if (bson_iter_init_find(&at, value, "value")) {
        bson_append_iter(&change, head, -1, &at);
    }
    bson_t *with = kj_doc_with(doc, &change);
    bson_destroy(&change);
    return with;
}

// {"value": JSON}; NULL with a sentence said when it is not JSON.
static bson_t *read_value(struct repl *repl, const char *json)
{
    struct kj_buf text;
    struct kj_fault fault = {0};
    bson_t *value = NULL;
    kj_buf_init(&text, 0);
    kj_buf_addf(&text, "{\"value\":%s}", *json ? json : "null");
    if (kj_json_parse(text.data, text.length, NULL, &value, NULL, &fault) != 0) {
        kj_copy(fault.hint, sizeof fault.hint, "a text stands in double quotes");
        tool_fault(repl->tool, &fault);
    }
    kj_buf_fini(&text);
    return value;
}

static void set_fact(struct repl *repl, const char *path, const char *json)
{
    bson_t *value = *path ? read_value(repl, json) : NULL;
    if (value) {
        bson_t *changed = with_value(repl->facts, path, value);
        bson_destroy(repl->facts);
        repl->facts = changed;
        bson_destroy(value);
    }
}

// A text may hold dots, so it is no path: answers.texts is put together by hand.
static void set_answer(struct repl *repl, const char *rest)
{
    const char *end = *rest == '"' ? strrchr(rest + 1, '"') : NULL;
    bson_t *value = end ? read_value(repl, end + 1 + strspn(end + 1, " ")) : NULL;
    bson_t change = BSON_INITIALIZER, texts, outer = BSON_INITIALIZER;
    bson_iter_t at;
    if (!end) {
        puts("write: .answer \"the text as it stands in the pack\" true");
    } else if (value && bson_iter_init_find(&at, value, "value")) {
        bson_append_iter(&change, rest + 1, (int)(end - rest - 1), &at);
        bool there = kj_doc_child(repl->facts, "answers.texts", &texts);
        bson_t *all = there ? kj_doc_with(&texts, &change) : bson_copy(&change);
        kj_doc_put_doc(&outer, "value", all);
        bson_t *changed = with_value(repl->facts, "answers.texts", &outer);
        bson_destroy(repl->facts);
        repl->facts = changed;
        bson_destroy(all);
    }
    kj_doc_clear(&value);
    bson_destroy(&change);
    bson_destroy(&outer);
}

// --- judging ---

static void show_plan(struct repl *repl, const char *section, bool json)
{
    bson_t *plan = NULL;
    if (tool_decide(repl->tool, repl->facts, &plan) == EXIT_GOOD && json) {
        tool_json(plan);
    } else if (plan) {
        tool_print_plan(repl->tool, plan, *section ? section : NULL);
    }
    kj_doc_clear(&plan);
}

static void print_answer(const struct repl *repl, const bson_t *plan)
{
    struct kj_buf text;
    bson_t args;
    bson_iter_t at;
    const char *fault = kj_doc_text(plan, "faults.0.text", NULL);
    kj_buf_init(&text, 0);
    if (kj_doc_child(plan, "effects.0.args", &args) && bson_iter_init_find(&at, &args, "value")) {
        kj_json_write_value(&at, KJ_JSON_PRETTY, &text);
        puts(text.data);
    } else {
        printf("%s%s%s\n", tool_mark(repl->tool, fault ? "\033[31m" : ""), fault ? fault : "nil",
               tool_mark(repl->tool, "\033[0m"));
    }
    kj_buf_fini(&text);
}

static void evaluate(struct repl *repl, const char *expression)
{
    static const char k_path[] = "rules/kejue-repl.lua";
    struct tool *tool = repl->tool;
    struct loaded staged = {0}, decided = {0};
    bson_t *about = kj_script_describe(tool->script, tool->only), sources, all = BSON_INITIALIZER;
    struct kj_buf probe;
    kj_buf_init(&probe, 0);
    kj_buf_addf(&probe,
                "return kejue.rules { name = \"kejue-repl\", extends = \"%s\",\n"
                "effects = function(c) return { { key = \"value\", verb = \"repl.value\",\n"
                "args = { value = (%s) } } } end }\n",
                tool->only, expression);
    if (about && kj_doc_child(about, "sources", &sources)) {
        bson_concat(&all, &sources);
    }
    kj_doc_put_text(&all, k_path, probe.data);
    kj_script_stage(tool->script, &all, k_path, tool_on_loaded, &staged);
    if (staged.status) {
        tool_fault(tool, &staged.fault);
    } else {
        kj_script_decide(tool->script, kj_doc_text(staged.list, "hash", ""), repl->facts,
                         tool_on_loaded, &decided);
        if (decided.status) {
            tool_fault(tool, &decided.fault);
        } else {
            print_answer(repl, decided.list);
        }
    }
    kj_doc_clear(&staged.list);
    kj_doc_clear(&decided.list);
    kj_doc_clear(&about);
    bson_destroy(&all);
    kj_buf_fini(&probe);
}

// --- commands ---

static void show_facts(const struct repl *repl, const char *path)
{
    bson_iter_t at;
    struct kj_buf text;
    if (!*path) {
        tool_json(repl->facts);
        return;
    }
    kj_buf_init(&text, 0);
    if (kj_doc_find(repl->facts, path, &at)) {
        kj_json_write_value(&at, KJ_JSON_PRETTY, &text);
    }
    puts(text.data ? text.data : "nothing");
    kj_buf_fini(&text);
}

static void save_facts(const struct repl *repl, const char *path)
{
    struct kj_buf text;
    kj_buf_init(&text, 0);
    kj_json_write(repl->facts, KJ_JSON_PRETTY, &text);
    FILE *file = fopen(path, "wx"); // never over another file
    bool written = file && fprintf(file, "%s\n", text.data) > 0;
    written = file && fclose(file) == 0 && written;
    printf(written ? "%s written\n" : "%s cannot be written; is it there already?\n", path);
    kj_buf_fini(&text);
}

static void reload(struct repl *repl)
{
    struct loaded loaded = {0};
    if (tool_load(repl->tool, &loaded) == EXIT_GOOD) {
        puts("loaded");
    }
    kj_doc_clear(&loaded.list);
}

// Splits off the first word; returns the rest.
static char *split(char *line)
{
    char *rest = line + strcspn(line, " ");
    if (*rest) {
        *rest++ = '\0';
    }
    return rest + strspn(rest, " ");
}

static void run_command(struct repl *repl, char *line)
{
    char *rest = split(line);
    if (strcmp(line, ".plan") == 0) {
        show_plan(repl, rest, false);
    } else if (strcmp(line, ".json") == 0) {
        show_plan(repl, rest, true);
    } else if (strcmp(line, ".answer") == 0) {
        set_answer(repl, rest);
    } else if (strcmp(line, ".set") == 0) {
        char *json = split(rest);
        set_fact(repl, rest, json);
    } else if (strcmp(line, ".var") == 0) {
        char path[160], *json = split(rest);
        snprintf(path, sizeof path, "answers.variables.%.100s.value", rest);
        set_fact(repl, path, json);
    } else if (strcmp(line, ".facts") == 0) {
        show_facts(repl, rest);
    } else if (strcmp(line, ".reload") == 0) {
        reload(repl);
    } else if (strcmp(line, ".save") == 0 && *rest) {
        save_facts(repl, rest);
    } else if (strcmp(line, ".quit") == 0) {
        repl->quit = true;
    } else {
        fputs(k_commands, stdout);
    }
}

// --- the line ---

// Fields of c below what is typed: "c.lead.fi" gives "c.lead.first_name".
static char *next_name(const char *typed, int again)
{
    static const char *names[40];
    static char before[128];
    static size_t count, at;
    if (!again) {
        const char *dot = strrchr(typed, '.');
        size_t head = dot ? (size_t)(dot - typed) + 1 : 0;
        at = count = 0;
        if (strncmp(typed, "c.", 2) == 0 && head < sizeof before) {
            char path[128];
            snprintf(before, sizeof before, "%.*s", (int)head, typed);
            snprintf(path, sizeof path, "%.*s", head > 2 ? (int)head - 3 : 0, typed + 2);
            count = kj_script_fields(path, names, KJ_COUNT(names));
        }
    }
    while (at < count) {
        char whole[256];
        snprintf(whole, sizeof whole, "%s%s", before, names[at++]);
        if (strncmp(whole, typed, strlen(typed)) == 0) {
            return kj_strdup(whole);
        }
    }
    return NULL;
}

static char *read_line(const struct repl *repl, bool terminal)
{
    char prompt[160], *line = NULL;
    size_t size = 0;
    if (terminal) {
        snprintf(prompt, sizeof prompt, "%s> ", repl->tool->only);
        return readline(prompt);
    }
    ssize_t length = getline(&line, &size, stdin);
    if (length < 0) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void history_path(char *path, size_t size)
{
    const char *home = getenv("HOME");
    snprintf(path, size, "%s/.kejue-rules-history", home ? home : ".");
}

static void run_lines(struct repl *repl)
{
    char path[1024], *line;
    bool terminal = isatty(STDIN_FILENO);
    history_path(path, sizeof path);
    if (terminal) {
        rl_completion_entry_function = (rl_compentry_func_t *)next_name;
        rl_basic_word_break_characters = " ()=,\"";
        using_history();
        read_history(path);
        puts("An expression on c, or .help");
    }
    while (!repl->quit && (line = read_line(repl, terminal)) != NULL) {
        char *text = line + strspn(line, " \t");
        if (*text && terminal) {
            add_history(text);
        }
        if (*text == '.') {
            run_command(repl, text);
        } else if (*text) {
            evaluate(repl, text);
        }
        free(line);
        fflush(stdout);
    }
    if (terminal && write_history(path) == 0) {
        chmod(path, 0600); // facts of real people may be in it
    }
}

int tool_repl(struct tool *tool)
{
    struct repl repl = {.tool = tool};
    struct loaded loaded = {0};
    int code = tool_load(tool, &loaded);
    kj_doc_clear(&loaded.list);
    code = code ? code : tool_facts(tool, &repl.facts);
    if (code == EXIT_GOOD) {
        run_lines(&repl);
    }
    kj_doc_clear(&repl.facts);
    return code;
}
