// kejue-schema: judges documents by a JSON Schema, and texts by the grammar of JSON, with the code
// that the daemon judges its requests with. Every fault is told, with the place where it is.
#include "base/alloc.h"
#include "doc/json.h"
#include "doc/schema.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_FAULTS = 1, EXIT_UNUSABLE = 2 };
enum { MAX_FAULTS = 10000, MAX_FILES = 64 }; // of one document; that a schema refers to

static const size_t k_bytes = 64u << 20, k_values = 1000000;
static const int k_depth = 150;

struct tool {
    bool json, json_only, formats, colour;
    const char *schema_file;
    struct kj_schema *schema;
    bson_t *loaded[MAX_FILES]; // files that the schema refers to
    size_t loaded_count;
    bson_t documents; // for --json
    struct kj_doc_list list;
};

static const char k_help[] =
    "kejue-schema: judge documents by a JSON Schema (draft 2020-12)\n"
    "\n"
    "  kejue-schema [options] SCHEMA.json DOC.json ...   each fault: place, keyword, sentence\n"
    "  kejue-schema [options] --json-only FILE ...       is it JSON at all? (RFC 8259)\n"
    "\n"
    "A file may be - for standard input; FILE#/NAME takes a schema that is a member of FILE.\n"
    "  --json         print one JSON object instead of lines\n"
    "  --formats      assert `format` also where \"$schema\" names the standard's own dialect,\n"
    "                 in which it is only a note\n"
    "  --version, --help\n"
    "At most 64 MiB, 1,000,000 values and 150 levels a file; numbers must fit 64 bits.\n"
    "Exit: 0 all are valid, 1 one is not, 2 a schema or file that cannot be used, or wrong "
    "usage.\n";

// --- output ---

// What comes from a file must not steer the terminal.
static void print_clean(FILE *to, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        fputc(*at < ' ' || *at == 127 || c1 ? '?' : *at, to);
        at += c1;
    }
}

static const char *shown(const char *file)
{
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

static void print_line(const struct tool *tool, FILE *to, const char *const *parts, bool good)
{
    for (size_t i = 0; parts[i]; i++) {
        bool last = parts[i + 1] == NULL;
        if (last && tool->colour && to == stdout)
            fputs(good ? "\033[32m" : "\033[31m", to);
        print_clean(to, parts[i]);
        fputs(last ? "" : ": ", to);
    }
    fputs(tool->colour && to == stdout ? "\033[0m\n" : "\n", to);
}

// "line 3, column 7" also as numbers.
static void put_error(bson_t *doc, const struct kj_fault *fault)
{
    bson_t error = BSON_INITIALIZER;
    long long line, column;
    if (sscanf(fault->place, "line %lld, column %lld", &line, &column) == 2) {
        kj_doc_put_int(&error, "line", line);
        kj_doc_put_int(&error, "column", column);
    } else {
        kj_doc_put_text(&error, "place", fault->place);
    }
    kj_doc_put_text(&error, "text", fault->text);
    kj_doc_put_doc(doc, "error", &error);
    bson_destroy(&error);
}

// A file that could not be taken in at all.
static void tell_error(struct tool *tool, const char *file, const struct kj_fault *fault, FILE *to)
{
    bool placed = fault->place[0] && strcmp(fault->place, file) != 0;
    const char *parts[] = {shown(file), placed ? fault->place : fault->text,
                           placed ? fault->text : NULL, NULL};
    if (tool->json) {
        bson_t one = BSON_INITIALIZER;
        kj_doc_put_text(&one, "file", file);
        kj_doc_put_bool(&one, "valid", false);
        put_error(&one, fault);
        kj_doc_put_doc(&tool->documents, kj_doc_next(&tool->list), &one);
        bson_destroy(&one);
        return;
    }
    print_line(tool, to, parts, false);
}

static void tell_faults(const struct tool *tool, const char *file,
                        const struct kj_schema_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct kj_schema_fault *fault = &report->faults[i];
        char place[sizeof fault->pointer + 1024];
        snprintf(place, sizeof place, "%.1000s#%s", shown(file), fault->pointer);
        print_line(tool, stdout, (const char *[]){place, fault->keyword, fault->text, NULL}, false);
    }
    if (report->count == report->limit)
        print_line(
            tool, stdout,
            (const char *[]){shown(file), "there may be more faults than are told here", NULL},
            false);
}

static void put_report(struct tool *tool, const char *file, const struct kj_schema_report *report)
{
    bson_t one = BSON_INITIALIZER, faults = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &faults};
    for (size_t i = 0; i < report->count; i++) {
        bson_t fault = BSON_INITIALIZER;
        kj_doc_put_text(&fault, "pointer", report->faults[i].pointer);
        kj_doc_put_text(&fault, "keyword", report->faults[i].keyword);
        kj_doc_put_text(&fault, "text", report->faults[i].text);
        kj_doc_put_doc(&faults, kj_doc_next(&list), &fault);
        bson_destroy(&fault);
    }
    kj_doc_put_text(&one, "file", file);
    kj_doc_put_bool(&one, "valid", report->count == 0);
    kj_doc_put_array(&one, "faults", &faults);
    kj_doc_put_doc(&tool->documents, kj_doc_next(&tool->list), &one);
    bson_destroy(&faults);
    bson_destroy(&one);
}

static void print_object(const struct tool *tool, int code, const struct kj_fault *schema_fault)
{
    bson_t all = BSON_INITIALIZER;
    struct kj_buf out;
    kj_doc_put_bool(&all, "ok", code == EXIT_GOOD);
    kj_doc_put_text(&all, "schema", tool->schema_file);
    if (schema_fault)
        put_error(&all, schema_fault);
    kj_doc_put_array(&all, "documents", &tool->documents);
    kj_buf_init(&out, 1u << 30);
    kj_json_write(&all, KJ_JSON_PRETTY, &out);
    if (out.failed)
        fputs("kejue-schema: more than 1 GiB of faults: judge fewer documents at once\n", stderr);
    else
        puts(out.data);
    kj_buf_fini(&out);
    bson_destroy(&all);
}

// --- input ---

// *readable tells whether there was a text at all.
static int read_json(const char *file, unsigned accept, bson_t **doc, bool *readable,
                     struct kj_fault *fault)
{
    const struct kj_json_limits limits = {k_bytes, k_values, k_depth, accept};
    struct kj_buf text;
    *doc = NULL;
    kj_buf_init(&text, k_bytes + 1);
    int rc = kj_read_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file, k_bytes, &text, fault);
    *readable = rc == KJ_OK;
    if (rc == KJ_OK)
        rc = kj_json_parse(text.data, text.length, &limits, doc, NULL, fault);
    else
        kj_copy(fault->place, sizeof fault->place, file);
    kj_buf_fini(&text);
    return rc;
}

// What a $ref leads to: a schema of Kejue's own ("documents/lead"), or a file beside the schema.
static const bson_t *resolve(void *arg, const char *name)
{
    struct tool *tool = arg;
    struct kj_fault fault;
    bool readable;
    bson_t *doc, *copy, view;
    const bson_t *ours = kj_schema_source(name);
    const char *slash = strrchr(tool->schema_file, '/');
    char path[4096];
    if (ours || tool->loaded_count == MAX_FILES || strstr(name, "://"))
        return ours;
    int folder = slash ? (int)(slash - tool->schema_file) + 1 : 0;
    snprintf(path, sizeof path, "%.*s%s", folder, tool->schema_file, name);
    if (read_json(path, KJ_JSON_VALUE, &doc, &readable, &fault) != 0)
        return NULL;
    copy = kj_doc_child(doc, "", &view) ? bson_copy(&view) : NULL;
    bson_destroy(doc);
    if (copy)
        tool->loaded[tool->loaded_count++] = copy;
    return copy;
}

// In the standard's own dialect a format is a note; a schema that names no dialect is of ours.
static bool is_standard(const bson_t *source)
{
    const char *dialect = kj_doc_text(source, "$schema", "");
    return kj_starts_with(dialect, "https://json-schema.org/draft/2020-12/schema");
}

// `doc` has the schema as its one member: an object, or true or false.
static int compile(struct tool *tool, const bson_t *doc, const char *member, struct kj_fault *fault)
{
    bson_t view;
    bson_iter_t root;
    struct kj_schema_start start = {.source = &view, .name = "", .member = member};
    if (!bson_iter_init_find(&root, doc, ""))
        return kj_fault(fault, KJ_ESCHEMA, NULL, NULL, "holds no schema");
    if (BSON_ITER_HOLDS_BOOL(&root) && member == NULL) {
        start.source = doc;
        start.member = "";
    } else if (!BSON_ITER_HOLDS_DOCUMENT(&root) || !kj_doc_child(doc, "", &view)) {
        return kj_fault(fault, KJ_ESCHEMA, NULL, NULL,
                        "is no schema: that is an object, or true or false");
    } else {
        start.formats_are_notes = !tool->formats && is_standard(&view);
    }
    return kj_schema_compile_from(&start, resolve, tool, &tool->schema, fault);
}

static int load_schema(struct tool *tool, struct kj_fault *fault)
{
    const char *member = strstr(tool->schema_file, "#/");
    size_t length = member ? (size_t)(member - tool->schema_file) : strlen(tool->schema_file);
    char *file = kj_strndup(tool->schema_file, length);
    bool readable;
    bson_t *doc;
    int rc = read_json(file, KJ_JSON_VALUE, &doc, &readable, fault);
    if (rc == KJ_OK)
        rc = compile(tool, doc, member ? member + 2 : NULL, fault);
    kj_doc_clear(&doc);
    free(file);
    return rc;
}

// --- verdicts ---

static int judge_text(struct tool *tool, const char *file)
{
    struct kj_fault fault = {0};
    struct kj_schema_report none = {0};
    bool readable;
    bson_t *doc;
    if (read_json(file, KJ_JSON_GRAMMAR, &doc, &readable, &fault) != 0) {
        tell_error(tool, file, &fault, readable ? stdout : stderr);
        return readable ? EXIT_FAULTS : EXIT_UNUSABLE;
    }
    if (tool->json)
        put_report(tool, file, &none);
    else
        print_line(tool, stdout, (const char *[]){shown(file), "is JSON", NULL}, true);
    return EXIT_GOOD;
}

static int judge_document(struct tool *tool, const char *file)
{
    struct kj_fault fault = {0};
    struct kj_schema_report report = {.limit = MAX_FAULTS};
    bool readable;
    bson_t *doc;
    bson_iter_t root;
    if (read_json(file, KJ_JSON_VALUE, &doc, &readable, &fault) != 0) {
        tell_error(tool, file, &fault, stderr);
        return EXIT_UNUSABLE;
    }
    bson_iter_init_find(&root, doc, "");
    int rc = kj_schema_check_value(tool->schema, &root, &report);
    if (tool->json)
        put_report(tool, file, &report);
    else if (rc)
        tell_faults(tool, file, &report);
    else
        print_line(tool, stdout, (const char *[]){shown(file), "valid", NULL}, true);
    kj_schema_report_fini(&report);
    bson_destroy(doc);
    return rc ? EXIT_FAULTS : EXIT_GOOD;
}

static int judge_all(struct tool *tool, char **files, int count)
{
    struct kj_fault fault = {0};
    int code = EXIT_GOOD;
    if (!tool->json_only && load_schema(tool, &fault) != 0) {
        bool placed = fault.place[0] && strcmp(fault.place, tool->schema_file) != 0;
        const char *parts[] = {shown(tool->schema_file), placed ? fault.place : fault.text,
                               placed ? fault.text : NULL, NULL};
        if (tool->json)
            print_object(tool, EXIT_UNUSABLE, &fault);
        else
            print_line(tool, stderr, parts, false);
        return EXIT_UNUSABLE;
    }
    for (int i = 0; i < count; i++) {
        int one = tool->json_only ? judge_text(tool, files[i]) : judge_document(tool, files[i]);
        code = one > code ? one : code;
    }
    if (tool->json)
        print_object(tool, code, NULL);
    return code;
}

// --- main ---

static int usage(const char *text)
{
    fprintf(stderr, "kejue-schema: %s\nTry kejue-schema --help\n", text);
    return EXIT_UNUSABLE;
}

static int read_options(int count, char **words, struct tool *tool)
{
    enum { JSON = 1, JSON_ONLY, FORMATS, VERSION, HELP };
    static const struct option options[] = {
        {"json", no_argument, NULL, JSON},       {"json-only", no_argument, NULL, JSON_ONLY},
        {"formats", no_argument, NULL, FORMATS}, {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, HELP},       {0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(count, words, "h", options, NULL)) != -1) {
        tool->json |= option == JSON;
        tool->json_only |= option == JSON_ONLY;
        tool->formats |= option == FORMATS;
        if (option == VERSION)
            puts("kejue-schema " KEJUE_VERSION);
        else if (option == HELP || option == 'h')
            fputs(k_help, stdout);
        else if (option == '?')
            return usage("there is no such option");
        else
            continue;
        exit(EXIT_GOOD);
    }
    return EXIT_GOOD;
}

int main(int count, char **words)
{
    struct tool tool = {0};
    int code = read_options(count, words, &tool), inputs = 0;
    if (code != EXIT_GOOD)
        return code;
    for (int i = optind; i < count; i++)
        inputs += strcmp(words[i], "-") == 0;
    if (inputs > 1)
        return usage("standard input can be read only once");
    if (!tool.json_only)
        tool.schema_file = optind < count ? words[optind++] : NULL;
    if (optind == count)
        return usage(tool.json_only ? "a file is missing" : "a schema and a document are needed");
    tool.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    bson_init(&tool.documents);
    tool.list = (struct kj_doc_list){.array = &tool.documents};
    code = judge_all(&tool, words + optind, count - optind);
    kj_schema_destroy(tool.schema);
    for (size_t i = 0; i < tool.loaded_count; i++)
        bson_destroy(tool.loaded[i]);
    bson_destroy(&tool.documents);
    return code;
}
