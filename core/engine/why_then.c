// "Why" as of an instant. Refusals, permits, calls and decisions carry their instants, so the past
// is told from them; a schedule, a limit, a pause and the kill switch keep no history, and the
// answer says so instead of guessing.
#include "engine/why_then.h"

#include "engine/judge.h"
#include "engine/path.h"

#include <stdio.h>

bool kj_then_there(const bson_t *doc, const char *made_at, int64_t at)
{
    return kj_doc_time(doc, made_at, INT64_MIN) <= at;
}

static bool is_past(const struct kj_why_facts *facts)
{
    return facts->at < facts->now;
}

static void keep_until(const bson_t *from, const char *name, int64_t at, bson_t *to)
{
    bson_t old, array = BSON_INITIALIZER;
    bson_iter_t item;
    struct kj_doc_list list = {&array};
    if (from && kj_doc_child(from, name, &old) && bson_iter_init(&item, &old))
        while (bson_iter_next(&item)) {
            bson_t one;
            if (kj_doc_at(&item, &one) && kj_then_there(&one, "at", at))
                kj_doc_put_doc(&array, kj_doc_next(&list), &one);
        }
    kj_doc_put_array(to, name, &array);
    bson_destroy(&array);
}

// The call that was open then: begun by then, and not ended, or later.
static const bson_t *open_call(const struct kj_why_facts *facts)
{
    for (size_t i = 0; i < facts->calls->n_docs; i++) {
        const bson_t *call = facts->calls->docs[i];
        bool ended = kj_streq(kj_doc_text(call, "state", ""), "ended") &&
                     kj_then_there(call, "ended_at", facts->at);
        if (kj_then_there(call, "created_at", facts->at) && !ended)
            return call;
    }
    return NULL;
}

bson_t *kj_then_number(const struct kj_why_facts *facts)
{
    bson_t *then = bson_new(), open = BSON_INITIALIZER;
    const bson_t *call = is_past(facts) ? open_call(facts) : NULL;
    keep_until(facts->number, "refusals", facts->at, then);
    keep_until(facts->number, "attempts", facts->at, then);
    if (call) {
        kj_doc_put_from(&open, "attempt_id", call, "key");
        kj_doc_put_from(&open, "at", call, "created_at");
        kj_doc_put_from(&open, "campaign_id", call, "campaign_id");
        kj_doc_put_doc(then, "open_attempt", &open);
    } else if (facts->number && !is_past(facts))
        kj_doc_put_from(then, "open_attempt", facts->number, "open_attempt");
    bson_destroy(&open);
    return then;
}

// The job as it was: its attempts are counted from its calls, what it waited for is in its last
// decision of by then. NULL: for a first call.
static bson_t *job_then(const struct kj_why_facts *facts)
{
    const bson_t *job = facts->job;
    if (job == NULL)
        return NULL;
    const char *state = kj_doc_text(job, "state", "");
    bool open = kj_streq(state, "waiting") || kj_streq(state, "running");
    if (!is_past(facts))
        return open ? bson_copy(job) : NULL;
    if (!open && kj_then_there(job, "updated_at", facts->at))
        return NULL;
    int64_t id = kj_doc_int(job, "_id", 0), made = 0;
    bson_t changes = BSON_INITIALIZER;
    for (size_t i = 0; i < facts->calls->n_docs; i++) {
        const bson_t *call = facts->calls->docs[i];
        made +=
            kj_doc_int(call, "job_id", 0) == id && kj_then_there(call, "ended_at", facts->at) &&
            kj_disposition_counts(kj_disposition_from_name(kj_doc_text(call, "disposition", "")));
    }
    kj_doc_put_int(&changes, "attempts_made", made);
    kj_doc_put_null(&changes, "next");
    kj_doc_put_null(&changes, "cancel_asked");
    for (size_t i = 0; i < facts->decisions->n_docs; i++) { // newest first
        const bson_t *decision = facts->decisions->docs[i];
        if (kj_doc_int(decision, "job_id", 0) != id || !kj_then_there(decision, "at", facts->at))
            continue;
        if (kj_doc_has(decision, "plan.next"))
            kj_doc_put_from(&changes, "next", decision, "plan.next");
        break;
    }
    bson_t *then = kj_doc_with(job, &changes);
    bson_destroy(&changes);
    return then;
}

// --- the verdict ---

struct verdict {
    bson_t halts, gates;
    struct kj_doc_list halt_list, gate_list;
    bool open, final;
    char gate[24];   // the first that is closed
    int64_t next_at; // INT64_MAX: never
};

// Named is the first that is closed; eligible is who passes them all.
static void add_gate(struct verdict *verdict, struct kj_doc_list *list, const bson_t *gate)
{
    kj_doc_put_doc(list->array, kj_doc_next(list), gate);
    if (kj_doc_bool(gate, "open", false))
        return;
    int64_t next_at = kj_doc_time(gate, "next_at", INT64_MAX);
    if (verdict->open)
        kj_copy(verdict->gate, sizeof verdict->gate, kj_doc_text(gate, "gate", ""));
    verdict->open = false;
    verdict->final = verdict->final || kj_doc_bool(gate, "final", false);
    verdict->next_at = next_at > verdict->next_at ? next_at : verdict->next_at;
}

static void add_halts(const struct kj_why_facts *facts, const struct kj_judged *judged,
                      struct verdict *verdict)
{
    static const char *const k_free[KJ_HALT_COUNT] = {"not canceled", "no campaign holds it back",
                                                      "dialing is switched on",
                                                      "no requested callback was missed"};
    for (int cause = 0; cause < KJ_HALT_COUNT; cause++) {
        bson_t gate = BSON_INITIALIZER;
        struct kj_halt halt;
        bool unknown = is_past(facts) && cause == KJ_HALT_DIALING;
        bool open = unknown || !kj_judge_halt(cause, facts->engine, judged, &halt);
        kj_doc_put_text(&gate, "gate", kj_halt_name(cause));
        kj_doc_put_bool(&gate, "open", open);
        kj_doc_put_text(&gate, "input",
                        unknown ? "whether dialing was switched off then is not kept"
                                : (open ? k_free[cause] : halt.reason));
        if (!open && halt.outcome)
            kj_doc_put_bool(&gate, "final", true);
        add_gate(verdict, &verdict->halt_list, &gate);
        bson_destroy(&gate);
    }
}

static void add_gates(const bson_t *model, struct verdict *verdict)
{
    bson_t gates, gate;
    bson_iter_t at;
    if (!kj_doc_child(model, "gates", &gates) || !bson_iter_init(&at, &gates))
        return;
    while (bson_iter_next(&at)) {
        if (kj_doc_at(&at, &gate))
            add_gate(verdict, &verdict->gate_list, &gate);
    }
}

// Behind the gates: one call to a number at a time, whichever campaign it belongs to.
static void add_permit(const struct kj_why_facts *facts, const bson_t *number,
                       struct verdict *verdict)
{
    bson_t gate = BSON_INITIALIZER;
    char input[160] = "no other call to the number is open", since[40];
    int64_t at = kj_doc_time(number, "open_attempt.at", 0);
    const char *attempt = kj_doc_text(number, "open_attempt.attempt_id", "");
    bool open = attempt[0] == 0 || facts->at - at >= KJ_OPEN_ATTEMPT_MS;
    if (!open) {
        kj_time_print(at, since, sizeof since);
        snprintf(input, sizeof input, "attempt %.64s is open since %s, one at a time", attempt,
                 since);
        kj_doc_put_time(&gate, "next_at", at + KJ_OPEN_ATTEMPT_MS); // at the latest
    }
    kj_doc_put_text(&gate, "gate", "permit");
    kj_doc_put_bool(&gate, "open", open);
    kj_doc_put_text(&gate, "input", input);
    add_gate(verdict, &verdict->gate_list, &gate);
    bson_destroy(&gate);
}

// Last: its job may wait for its own time, a retry or a callback. Not kept for the past.
static void add_due(const struct kj_why_facts *facts, const bson_t *job, struct verdict *verdict)
{
    bson_t gate = BSON_INITIALIZER;
    char input[200], when[40];
    bool waits = job && kj_streq(kj_doc_text(job, "state", ""), "waiting");
    int64_t due = kj_doc_time(job, "due", 0);
    if (!waits || is_past(facts)) {
        bson_destroy(&gate);
        return;
    }
    const char *reason = kj_doc_text(job, "reason", "");
    kj_time_print(due, when, sizeof when);
    snprintf(input, sizeof input, "its job is due at %s%s%.120s", when, reason[0] ? ": " : "",
             reason);
    kj_doc_put_text(&gate, "gate", "due");
    kj_doc_put_bool(&gate, "open", due <= facts->at);
    kj_doc_put_text(&gate, "input", input);
    if (due > facts->at)
        kj_doc_put_time(&gate, "next_at", due);
    add_gate(verdict, &verdict->gate_list, &gate);
    bson_destroy(&gate);
}

static void put_verdict(const struct verdict *verdict, int64_t at, bson_t *result)
{
    bson_t now = BSON_INITIALIZER;
    kj_doc_put_time(&now, "at", at);
    kj_doc_put_bool(&now, "open", verdict->open);
    if (!verdict->open) {
        bool never = verdict->next_at == INT64_MAX;
        kj_doc_put_bool(&now, "final", verdict->final);
        kj_doc_put_text(&now, "gate", verdict->gate);
        kj_doc_put_bool(&now, "waits_for_person", never && !verdict->final);
        if (!never)
            kj_doc_put_time(&now, "next_at", verdict->next_at);
    }
    kj_doc_put_array(&now, "halts", &verdict->halts);
    kj_doc_put_array(&now, "gates", &verdict->gates);
    kj_doc_put_doc(result, "now", &now);
    bson_destroy(&now);
}

static const char *basis(const struct kj_why_facts *facts)
{
    if (is_past(facts))
        return "the past: refusals, permits, calls and decisions as stored by then; schedule, "
               "limits, consent and campaign as they are now, since no older ones are kept";
    if (facts->at > facts->now)
        return "the future, computed: from all that is stored now, were nothing to change";
    return "now";
}

void kj_why_judge(const struct kj_why_facts *facts, bson_t *result)
{
    struct kj_windows windows;
    struct kj_fault fault;
    struct kj_gate_input input;
    struct kj_gate_result model_result;
    struct verdict verdict = {.open = true};
    bson_t model = BSON_INITIALIZER, no_status = BSON_INITIALIZER;
    bson_t *number = kj_then_number(facts), *job = job_then(facts), *campaign = NULL;
    kj_doc_put_null(&no_status, "status");
    if (facts->campaign) // its status is that of now
        campaign =
            is_past(facts) ? kj_doc_with(facts->campaign, &no_status) : bson_copy(facts->campaign);
    struct kj_judged judged = {facts->at,   job,    campaign,
                               facts->lead, number, kj_doc_text(facts->lead, "phone_number", "")};
    kj_judged_read(&judged);
    bson_init(&verdict.halts);
    bson_init(&verdict.gates);
    verdict.halt_list.array = &verdict.halts;
    verdict.gate_list.array = &verdict.gates;
    kj_doc_put_text(result, "basis", basis(facts));
    if (kj_judge_input(facts->engine, &judged, &windows, &input, &fault) == KJ_OK) {
        int64_t wait = facts->engine->own->trunk_next - kj_loop_mono(facts->engine->loop);
        input.all = true;
        input.another_time = facts->at != facts->now;
        input.next_trunk_slot = wait > 0 ? facts->now + wait : 0;
        kj_gates_judge(&input, &model_result, &model);
        add_halts(facts, &judged, &verdict);
        add_gates(&model, &verdict);
        add_permit(facts, number, &verdict);
        add_due(facts, job, &verdict);
        put_verdict(&verdict, facts->at, result);
    } else
        kj_doc_put_text(result, "fault", fault.text);
    kj_doc_clear(&number);
    kj_doc_clear(&job);
    kj_doc_clear(&campaign);
    bson_destroy(&verdict.halts);
    bson_destroy(&verdict.gates);
    bson_destroy(&no_status);
    bson_destroy(&model);
}
