// What was decided after each call: section by section the value, the line of the rule, what it
// read with the evidence, and the rows that were passed over.
#include "why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_place(const struct ctl *ctl, struct kj_buf *out, const bson_t *doc)
{
    if (kj_doc_has(doc, "at")) {
        kj_buf_adds(out, "  ");
        ctl_color(ctl, out, CTL_DIM, kj_doc_text(doc, "at", ""));
    }
    kj_buf_addc(out, '\n');
}

// "vars.budget = 11000, turn 5 \"About 11000.\"", one a line.
static void put_reads(const struct ctl *ctl, struct kj_buf *out, const bson_t *doc)
{
    bson_t reads;
    bson_iter_t at;
    if (!why_begin(doc, "read", &reads, &at))
        return;
    while (bson_iter_next(&at)) {
        struct kj_buf line;
        if (!BSON_ITER_HOLDS_UTF8(&at))
            continue;
        kj_buf_init(&line, 0);
        ctl_cut(&line, bson_iter_utf8(&at, NULL), 160, false);
        char *text = kj_buf_take(&line);
        kj_buf_adds(out, "          ");
        ctl_color(ctl, out, CTL_DIM, text);
        kj_buf_addc(out, '\n');
        free(text);
    }
}

// A variable's own evidence stands in the plan: value, quote and turn.
static void put_variable(struct kj_buf *out, const bson_t *decision, const char *name)
{
    char path[160];
    bson_t variable;
    snprintf(path, sizeof path, "plan.variables.%s", name);
    if (!kj_doc_child(decision, path, &variable))
        return;
    why_part(out, " = ", &variable, "value");
    why_part(out, ", turn ", &variable, "turn");
    why_part(out, " said \"", &variable, "quote");
    if (kj_doc_has(&variable, "quote"))
        kj_buf_addc(out, '"');
}

static void put_rows(const struct ctl *ctl, struct kj_buf *out, const bson_t *section,
                     const char *list)
{
    bson_t rows, row;
    bson_iter_t at;
    bool skipped = strcmp(list, "skipped") == 0;
    if (!why_begin(section, list, &rows, &at))
        return;
    while (why_next(&at, &row)) {
        kj_buf_adds(out, skipped ? "        not " : "        ");
        if (kj_doc_has(&row, "value") || kj_doc_has(&row, "points"))
            why_part(out, "", &row, kj_doc_has(&row, "value") ? "value" : "points");
        else
            why_part(out, "row ", &row, "row");
        if (skipped)
            why_part(out, ", ", &row, "result");
        why_part(out, ": ", &row, "reason");
        put_place(ctl, out, &row);
        put_reads(ctl, out, &row);
    }
}

static void put_section(const struct ctl *ctl, struct kj_buf *out, const bson_t *decision,
                        const bson_t *section)
{
    const char *name = kj_doc_text(section, "section", "?");
    kj_buf_addf(out, "      %s", name);
    why_part(out, ": ", section, "value");
    if (strncmp(name, "variables.", 10) == 0)
        put_variable(out, decision, name + 10);
    why_part(out, ", ", section, "reason");
    why_part(out, ", in ", section, "language");
    why_part(out, " of the ", section, "language_from");
    why_part(out, ", instead of ", section, "instead_of");
    put_place(ctl, out, section);
    put_reads(ctl, out, section);
    put_rows(ctl, out, section, "rows");
    put_rows(ctl, out, section, "skipped");
}

static void put_faults(const struct ctl *ctl, struct kj_buf *out, const bson_t *decision)
{
    bson_t faults, fault;
    bson_iter_t at;
    if (!why_begin(decision, "plan.faults", &faults, &at))
        return;
    while (why_next(&at, &fault)) {
        kj_buf_adds(out, "      ");
        ctl_color(ctl, out, CTL_RED, "fault");
        why_part(out, " in ", &fault, "section");
        why_part(out, ": ", &fault, "text");
        put_place(ctl, out, &fault);
    }
}

static void put_decision(const struct ctl *ctl, struct kj_buf *out, const bson_t *decision)
{
    bson_t sections, section;
    bson_iter_t at;
    kj_buf_adds(out, "  ");
    why_time(out, decision, "at");
    why_part(out, "  ", decision, "disposition");
    why_part(out, "  success ", decision, "plan.success");
    why_part(out, "  lead ", decision, "plan.lead_status");
    why_part(out, "  next ", decision, "plan.next.kind");
    why_part(out, " at ", decision, "plan.next.at");
    why_part(out, ", because: ", decision, "plan.next.reason");
    why_part(out, ", moved from ", decision, "plan.next.moved_from");
    why_part(out, "  no retry: ", decision, "plan.no_retry");
    why_part(out, "  message ", decision, "plan.template.name");
    why_part(out, "  opt-out: ", decision, "plan.opt_out.reason");
    why_part(out, "  by ", decision, "pack");
    kj_buf_addc(out, '\n');
    put_faults(ctl, out, decision);
    if (why_begin(decision, "plan.explain", &sections, &at))
        while (why_next(&at, &section))
            put_section(ctl, out, decision, &section);
}

void why_decisions(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    bson_t decisions, decision;
    bson_iter_t at;
    why_title(ctl, out, "decisions", kj_doc_count(result, "decisions"));
    if (!why_begin(result, "decisions", &decisions, &at))
        return;
    while (why_next(&at, &decision))
        put_decision(ctl, out, &decision);
}
