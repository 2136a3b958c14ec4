// kejuectl why NUMBER: each gate with its verdict, what waits, past calls, what followed; the rules
// that fired are told by why_rules.c.
#include "why.h"

#include <string.h>

bool why_next(bson_iter_t *at, bson_t *doc)
{
    while (bson_iter_next(at))
        if (kj_doc_at(at, doc))
            return true;
    return false;
}

bool why_begin(const bson_t *doc, const char *path, bson_t *list, bson_iter_t *at)
{
    return kj_doc_child(doc, path, list) && bson_iter_init(at, list);
}

void why_time(struct kj_buf *out, const bson_t *doc, const char *path)
{
    int64_t when = kj_doc_time(doc, path, INT64_MIN);
    if (when != INT64_MIN)
        ctl_time(out, when);
    else
        kj_buf_adds(out, "-");
}

static void put_lead(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    static const char *const k_fields[] = {"lead.first_name", "lead.last_name", "lead.country",
                                           "lead.language",   "lead.timezone",  "lead.status"};
    ctl_color(ctl, out, CTL_BOLD, kj_doc_text(result, "lead.phone_number", "?"));
    kj_buf_addf(out, "  lead %lld", (long long)kj_doc_int(result, "lead._id", 0));
    for (size_t i = 0; i < KJ_COUNT(k_fields); i++) {
        const char *text = kj_doc_text(result, k_fields[i], "");
        if (text[0]) {
            kj_buf_adds(out, i == 1 ? " " : "  ");
            ctl_cut(out, text, 60, false);
        }
    }
    kj_buf_adds(out, "\nas of ");
    why_time(out, result, "at");
    kj_buf_addf(out, " UTC (%s)\n\n", kj_doc_text(result, "basis", ""));
}

static void put_gate(const struct ctl *ctl, struct kj_buf *out, const bson_t *gate)
{
    bool open = kj_doc_bool(gate, "open", false);
    kj_buf_adds(out, "  ");
    ctl_color(ctl, out, open ? CTL_GREEN : CTL_RED, open ? "✓" : "✗");
    kj_buf_addf(out, " %-12s ", kj_doc_text(gate, "gate", "?"));
    ctl_cut(out, kj_doc_text(gate, "input", ""), 200, false);
    if (!open && kj_doc_has(gate, "next_at")) {
        kj_buf_adds(out, " (opens ");
        why_time(out, gate, "next_at");
        kj_buf_addc(out, ')');
    }
    kj_buf_addc(out, '\n');
}

static void put_gate_list(const struct ctl *ctl, struct kj_buf *out, const bson_t *result,
                          const char *path)
{
    bson_t gates, gate;
    bson_iter_t at;
    if (why_begin(result, path, &gates, &at))
        while (why_next(&at, &gate))
            put_gate(ctl, out, &gate);
}

static void put_gates(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    bool open = kj_doc_bool(result, "now.open", false);
    if (kj_doc_has(result, "fault")) {
        ctl_color(ctl, out, CTL_RED, kj_doc_text(result, "fault", ""));
        kj_buf_adds(out, "\n\n");
        return;
    }
    kj_buf_adds(out, "may be called: ");
    ctl_color(ctl, out, open ? CTL_GREEN : CTL_RED, open ? "yes" : "no");
    if (!open)
        kj_buf_addf(out, ", stopped by %s", kj_doc_text(result, "now.gate", "?"));
    kj_buf_addc(out, '\n');
    put_gate_list(ctl, out, result, "now.halts");
    put_gate_list(ctl, out, result, "now.gates");
    if (!open) {
        kj_buf_adds(out, "next eligible: ");
        if (kj_doc_bool(result, "now.final", false))
            kj_buf_adds(out, "never");
        else if (kj_doc_bool(result, "now.waits_for_person", false))
            kj_buf_adds(out, "never, unless a person changes something");
        else
            why_time(out, result, "now.next_at");
        kj_buf_addc(out, '\n');
    }
    kj_buf_addc(out, '\n');
}

void why_title(const struct ctl *ctl, struct kj_buf *out, const char *title, size_t count)
{
    ctl_color(ctl, out, CTL_BOLD, title);
    if (count == 0)
        kj_buf_adds(out, ": none");
    kj_buf_addc(out, '\n');
}

void why_part(struct kj_buf *out, const char *before, const bson_t *doc, const char *path)
{
    bson_iter_t at;
    const char *key = strrchr(path, '.');
    if (!kj_doc_find(doc, path, &at) || BSON_ITER_HOLDS_NULL(&at))
        return;
    kj_buf_adds(out, before);
    ctl_value(out, key ? key + 1 : path, &at);
}

static void put_jobs(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    bson_t jobs, job;
    bson_iter_t at;
    why_title(ctl, out, "jobs", kj_doc_count(result, "jobs"));
    if (!why_begin(result, "jobs", &jobs, &at))
        return;
    while (why_next(&at, &job)) {
        kj_buf_addf(out, "  %lld  %s", (long long)kj_doc_int(&job, "_id", 0),
                    kj_doc_text(&job, "state", "?"));
        why_part(out, "  stage ", &job, "stage");
        if (kj_streq(kj_doc_text(&job, "state", ""), "waiting"))
            why_part(out, "  due ", &job, "due");
        why_part(out, "  campaign ", &job, "campaign_id");
        why_part(out, "  attempts ", &job, "attempts_made");
        why_part(out, "  outcome ", &job, "outcome");
        why_part(out, "  because: ", &job, "reason");
        why_part(out, "  preselection: ", &job, "preselection.decision");
        why_part(out, ", ", &job, "preselection.reason");
        why_part(out, "  held back until an appointment is booked: ", &job, "held");
        kj_buf_addc(out, '\n');
    }
}

static void put_calls(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    bson_t calls, call;
    bson_iter_t at;
    why_title(ctl, out, "calls", kj_doc_count(result, "calls"));
    if (!why_begin(result, "calls", &calls, &at))
        return;
    while (why_next(&at, &call)) {
        kj_buf_adds(out, "  ");
        why_time(out, &call, "created_at");
        kj_buf_addf(out, "  %s", kj_doc_text(&call, "state", "?"));
        why_part(out, "  ", &call, "disposition");
        why_part(out, ", ", &call, "end_reason");
        why_part(out, "  answered by ", &call, "answered_by");
        why_part(out, "  ", &call, "duration_ms");
        why_part(out, "  ", &call, "key");
        kj_buf_addc(out, '\n');
    }
}

static void put_refusals(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    bson_t refusals, one;
    bson_iter_t at;
    if (kj_doc_count(result, "refusals") == 0 || !why_begin(result, "refusals", &refusals, &at))
        return;
    why_title(ctl, out, "refusals", 1);
    while (why_next(&at, &one)) {
        kj_buf_adds(out, "  ");
        why_time(out, &one, kj_doc_has(&one, "at") ? "at" : "refused_at");
        why_part(out, "  ", &one, "kind");
        why_part(out, "  ", &one, "source");
        why_part(out, "  ", &one, "evidence");
        kj_buf_addc(out, '\n');
    }
    kj_buf_addc(out, '\n');
}

// The jobs that came of its calls: messages, write-backs, hooks; what waits says for what.
static void put_follow_ups(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    bson_t jobs, job;
    bson_iter_t at;
    if (kj_doc_count(result, "follow_ups") == 0 || !why_begin(result, "follow_ups", &jobs, &at))
        return;
    why_title(ctl, out, "what followed", 1);
    while (why_next(&at, &job)) {
        kj_buf_addf(out, "  %lld  %s", (long long)kj_doc_int(&job, "_id", 0),
                    kj_doc_text(&job, "state", "?"));
        why_part(out, "  ", &job, kj_doc_has(&job, "verb") ? "verb" : "hook");
        if (kj_streq(kj_doc_text(&job, "state", ""), "waiting"))
            why_part(out, "  due ", &job, "due");
        why_part(out, "  because: ", &job, "reason");
        kj_buf_addc(out, '\n');
    }
}

int ctl_why(struct ctl *ctl, char **words, int count)
{
    bson_t *args = NULL, *result = NULL;
    struct kj_buf out;
    int code = ctl_arguments(ctl, "lead.why", words, count, &args);
    if (code == CTL_OK && !bson_has_field(args, "who"))
        code = ctl_say(CTL_USAGE, NULL, "kejuectl why NUMBER [at=TIME]", "who is to be told of?");
    if (code == CTL_OK)
        code = ctl_ask(ctl, "lead.why", args, &result);
    if (args)
        bson_destroy(args);
    if (code != CTL_OK)
        return code;
    if (ctl->json) {
        ctl_put_json(result);
    } else {
        kj_buf_init(&out, 0);
        put_lead(ctl, &out, result);
        put_gates(ctl, &out, result);
        put_refusals(ctl, &out, result);
        put_jobs(ctl, &out, result);
        put_calls(ctl, &out, result);
        why_decisions(ctl, &out, result);
        put_follow_ups(ctl, &out, result);
        ctl_flush(&out);
        kj_buf_fini(&out);
    }
    bson_destroy(result);
    return CTL_OK;
}
