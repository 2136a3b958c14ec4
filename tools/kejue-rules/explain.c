// kejue-rules judge and explain: one call, judged from a file of facts; as JSON, or as a person
// reads it: what came out, which line decided it, and what the other lines had seen.
#include "tool.h"

#include "doc/json.h"

#include <stdio.h>
#include <string.h>

int tool_facts(struct tool *tool, bson_t **facts)
{
    struct kj_fault fault = {0};
    struct kj_buf text;
    kj_buf_init(&text, 0);
    int status = kj_read_file(tool->facts, 1 << 20, &text, &fault);
    status = status ? status : kj_json_parse(text.data, text.length, NULL, facts, NULL, &fault);
    kj_buf_fini(&text);
    if (status && !fault.place[0]) {
        kj_copy(fault.place, sizeof fault.place, tool->facts);
    }
    return status ? tool_fault(tool, &fault) : EXIT_GOOD;
}

int tool_decide(struct tool *tool, const bson_t *facts, bson_t **plan)
{
    struct loaded decided = {0};
    kj_script_decide(tool->script, tool->only, facts, tool_on_loaded, &decided);
    *plan = decided.list;
    return decided.status ? tool_fault(tool, &decided.fault) : EXIT_GOOD;
}

static int judge(struct tool *tool, bson_t **plan)
{
    struct loaded loaded = {0};
    bson_t *facts = NULL;
    int code = tool_load(tool, &loaded);
    kj_doc_clear(&loaded.list);
    code = code ? code : tool_facts(tool, &facts);
    code = code ? code : tool_decide(tool, facts, plan);
    kj_doc_clear(&facts);
    return code;
}

int tool_judge(struct tool *tool)
{
    bson_t *plan = NULL;
    int code = judge(tool, &plan);
    if (plan) {
        tool_json(plan);
    }
    kj_doc_clear(&plan);
    return code;
}

// --- for people ---

static void print_value(const bson_t *doc, const char *key, char *out, size_t size)
{
    struct kj_buf text;
    bson_iter_t at;
    kj_buf_init(&text, 0);
    if (bson_iter_init_find(&at, doc, key)) {
        kj_json_write_value(&at, 0, &text);
    }
    snprintf(out, size, "%s", text.data ? text.data : "nothing");
    kj_buf_fini(&text);
}

static void print_list(const bson_t *doc, const char *key, const char *before)
{
    bson_t list;
    bson_iter_t at;
    if (kj_doc_child(doc, key, &list) && bson_iter_init(&at, &list)) {
        while (bson_iter_next(&at)) {
            if (BSON_ITER_HOLDS_UTF8(&at)) {
                printf("%s%s\n", before, bson_iter_utf8(&at, NULL));
            }
        }
    }
}

// One row of explain: the value, where it stands, why.
static void print_row(const struct tool *tool, const bson_t *row, const char *head, bool fired)
{
    char value[200];
    const char *reason = kj_doc_text(row, "reason", NULL);
    if (kj_doc_has(row, "value")) {
        print_value(row, "value", value, sizeof value);
    } else { // of a score
        snprintf(value, sizeof value, "row %lld", (long long)kj_doc_int(row, "row", 0));
    }
    printf("%s%s%s%s  %s%s%s", head, tool_mark(tool, fired ? "\033[1m" : "\033[2m"), value,
           tool_mark(tool, "\033[0m"), kj_doc_text(row, "at", ""), reason ? "  " : "",
           reason ? reason : "");
    const char *result = kj_doc_text(row, "result", NULL);
    printf("%s%s\n", result ? "  is " : "", result ? result : "");
    print_list(row, "read", "        saw ");
}

static void print_section(const struct tool *tool, const bson_t *section)
{
    bson_t skipped;
    bson_iter_t at;
    printf("%s%s%s\n", tool_mark(tool, "\033[36m"), kj_doc_text(section, "section", ""),
           tool_mark(tool, "\033[0m"));
    if (kj_doc_child(section, "skipped", &skipped) && bson_iter_init(&at, &skipped)) {
        while (bson_iter_next(&at)) {
            bson_t row;
            if (kj_doc_child(&skipped, bson_iter_key(&at), &row)) {
                print_row(tool, &row, "    not ", false);
            }
        }
    }
    print_row(tool, section, "    ", true);
}

void tool_print_plan(const struct tool *tool, const bson_t *plan, const char *section)
{
    bson_t explain, faults;
    bson_iter_t at;
    if (kj_doc_child(plan, "explain", &explain) && bson_iter_init(&at, &explain)) {
        while (bson_iter_next(&at)) {
            bson_t one;
            if (kj_doc_child(&explain, bson_iter_key(&at), &one) &&
                (!section || kj_starts_with(kj_doc_text(&one, "section", ""), section))) {
                print_section(tool, &one);
            }
        }
    }
    if (kj_doc_child(plan, "faults", &faults) && bson_iter_init(&at, &faults)) {
        while (bson_iter_next(&at)) {
            bson_t one;
            if (kj_doc_child(&faults, bson_iter_key(&at), &one)) {
                printf("%sfault%s in %s, %s: %s\n", tool_mark(tool, "\033[31m"),
                       tool_mark(tool, "\033[0m"), kj_doc_text(&one, "section", ""),
                       kj_doc_text(&one, "at", ""), kj_doc_text(&one, "text", ""));
            }
        }
    }
}

int tool_explain(struct tool *tool)
{
    bson_t *plan = NULL;
    int code = judge(tool, &plan);
    if (plan && tool->json) {
        tool_json(plan);
    } else if (plan) {
        tool_print_plan(tool, plan, NULL);
    }
    kj_doc_clear(&plan);
    return code;
}
