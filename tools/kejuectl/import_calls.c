// call.import from JSON lines: calls of another system. A line that is no JSON is refused by its
// number and the rest goes on. Calls are sent in chunks; where each line says its group, a chunk of
// each group is being filled, since a request has one group and lines come in any order.
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

enum { k_chunk = 200, k_chunk_bytes = 8 << 20, k_line = 4 << 20, k_chunks = 16 };

struct chunk {
    bson_t *rows;
    struct kj_doc_list list;
    char group[128]; // "" when the arguments say it
    int64_t first_line;
};

struct calls {
    struct ctl *ctl;
    const bson_t *args;
    bool grouped; // the arguments say whose rules judge
    struct ctl_sum sum;
    struct chunk chunks[k_chunks];
    size_t next; // the chunk that makes room when there are more groups than chunks
    int code;
};

static void flush(struct calls *calls, struct chunk *chunk)
{
    bson_t whole = BSON_INITIALIZER, *result = NULL;
    if (chunk->list.count && calls->code == CTL_OK) {
        bson_concat(&whole, calls->args);
        if (chunk->group[0])
            kj_doc_put_text(&whole, "group", chunk->group);
        kj_doc_put_array(&whole, "calls", chunk->rows);
        calls->code = ctl_ask(calls->ctl, "call.import", &whole, &result);
        if (calls->code == CTL_OK)
            ctl_sum_add(&calls->sum, result);
        if (result)
            bson_destroy(result);
    }
    bson_destroy(&whole);
    if (calls->code != CTL_OK)
        return; // it says where to begin again
    bson_reinit(chunk->rows);
    chunk->list.count = 0;
}

// The group's chunk, with room for one more.
static struct chunk *chunk_for(struct calls *calls, const char *group)
{
    struct chunk *free_one = NULL;
    for (size_t i = 0; i < k_chunks; i++) {
        struct chunk *chunk = &calls->chunks[i];
        if (chunk->list.count == 0)
            free_one = chunk;
        else if (strcmp(chunk->group, group) == 0) {
            if (chunk->list.count == k_chunk || chunk->rows->len > k_chunk_bytes)
                flush(calls, chunk);
            return chunk;
        }
    }
    if (free_one == NULL) {
        free_one = &calls->chunks[calls->next++ % k_chunks];
        flush(calls, free_one);
    }
    return free_one;
}

static void take(struct calls *calls, const bson_t *call, int64_t line)
{
    bson_t row = BSON_INITIALIZER;
    const char *group = calls->grouped ? "" : kj_doc_text(call, "group", "");
    struct chunk *chunk = chunk_for(calls, group);
    if (calls->code != CTL_OK)
        return;
    if (chunk->list.count == 0) {
        chunk->first_line = line;
        kj_copy(chunk->group, sizeof chunk->group, group);
    }
    bson_copy_to_excluding_noinit(call, &row, "line", NULL);
    kj_doc_put_int(&row, "line", line);
    kj_doc_put_doc(chunk->rows, kj_doc_next(&chunk->list), &row);
    bson_destroy(&row);
}

// The first line that was not sent.
static int64_t first_left(const struct calls *calls)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < k_chunks; i++)
        if (calls->chunks[i].list.count && calls->chunks[i].first_line < first)
            first = calls->chunks[i].first_line;
    return first;
}

static void take_line(struct calls *calls, const char *text, size_t length, int64_t line)
{
    static const struct kj_json_limits k_limits = {k_line, 100000, 30};
    struct kj_fault fault;
    bson_t *call = NULL;
    bool is_array = false;
    char words[800];
    if (strspn(text, " \t\r\n") == length)
        return;
    if (kj_json_parse(text, length, &k_limits, &call, &is_array, &fault) != KJ_OK) {
        const char *column = strstr(fault.place, "column"); // its line is always the first
        snprintf(words, sizeof words, "%s%s%s", column ? column : "", column ? ": " : "",
                 fault.text);
        ctl_sum_refuse(&calls->sum, line, "not_json", words);
    } else if (is_array)
        ctl_sum_refuse(&calls->sum, line, "not_json", "must be an object");
    else if (!calls->grouped && kj_doc_text(call, "group", "")[0] == 0)
        ctl_sum_refuse(&calls->sum, line, "no_group",
                       "give it a group, or all of them by group=NAME");
    else
        take(calls, call, line);
    if (call)
        bson_destroy(call);
}

static int64_t read_lines(struct calls *calls, FILE *file)
{
    struct ctl_bar bar = {calls->ctl, "importing", 0};
    char *text = NULL;
    size_t size = 0;
    ssize_t length;
    int64_t line = 0, bytes = 0, total = 0;
    if (fseeko(file, 0, SEEK_END) == 0) { // a pipe has no end to look at
        total = ftello(file);
        rewind(file);
    }
    while (calls->code == CTL_OK && (length = getline(&text, &size, file)) >= 0) {
        take_line(calls, text, (size_t)length, ++line);
        bytes += length;
        if (total > 0)
            ctl_bar_draw(&bar, bytes * 100 / total, 100, "% of the file");
    }
    for (size_t i = 0; i < k_chunks; i++)
        flush(calls, &calls->chunks[i]);
    ctl_bar_end(&bar);
    free(text);
    return line;
}

int ctl_import_calls(struct ctl *ctl, const char *path, char **words, int count)
{
    static const char *const k_names[] = {"lines", "calls", "accepted", "duplicates", NULL};
    struct calls calls = {.ctl = ctl};
    bson_t *args = NULL;
    int code = ctl_arguments(ctl, "call.import", words, count, &args);
    if (code != CTL_OK)
        return code;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (file == NULL) {
        bson_destroy(args);
        return ctl_say(CTL_USAGE, path, NULL, "cannot be opened: %m");
    }
    calls.args = args;
    calls.grouped = bson_has_field(args, "group") || bson_has_field(args, "assistant_id") ||
                    bson_has_field(args, "assistant_group_id");
    for (size_t i = 0; i < k_chunks; i++)
        calls.chunks[i].list.array = calls.chunks[i].rows = bson_new();
    ctl_sum_init(&calls.sum, k_names);
    calls.sum.counts[0] = read_lines(&calls, file);
    if (calls.code != CTL_OK) {
        char place[48];
        snprintf(place, sizeof place, "line %lld", (long long)first_left(&calls));
        ctl_say(calls.code, place, "import the file again: what is known is not doubled",
                "stopped behind the calls before this line");
    }
    code = ctl_sum_end(ctl, &calls.sum);
    if (file != stdin)
        fclose(file);
    for (size_t i = 0; i < k_chunks; i++)
        bson_destroy(calls.chunks[i].rows);
    bson_destroy(args);
    return calls.code != CTL_OK ? calls.code : code;
}
