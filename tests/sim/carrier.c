// The carrier of the simulation, and the one vendor there is. What rang, rang: its log stands
// outside the store and outside every host. What becomes of a call is drawn by its attempt's id.
#include "sim.h"

#include "model/call.h"

struct sim_question { // put to a plugin by a host, not answered yet
    struct sim_question *next;
    struct sim_host *host;
    struct sim_event *answer; // on its way; NULL when the host is doomed
    struct kj_outcome outcome;
    bson_t *result;
    kj_host_done *done;
    void *arg;
    uint64_t id;
};

struct answer {
    struct sim_event event;
    struct sim_question *question; // NULL: nobody waits any more
};

struct report {
    struct sim_event event;
    size_t ring;
    char letter;
    int tries, home; // home: the host that dialed
};

struct call { // what the dice say
    enum kejue_class reply;
    bool rings;
    int64_t reply_ms, length_ms;
    const char *disposition, *reports;
};

static struct kj_rng dice_of(const struct sim *sim, const char *attempt_id, uint64_t what)
{
    struct kj_rng rng;
    kj_rng_keyed(&rng, sim->plan->seed, attempt_id, what);
    return rng;
}

static struct call draw(const struct sim *sim, const char *attempt_id)
{
    static const char *const k_ends[] = {"completed", "completed", "voicemail",  "busy",
                                         "no_answer", "rejected",  "unreachable"};
    static const char *const k_odd[] = {"", "e", "rae", "eair", "rraaee", "aire", "ra", "raiee"};
    struct kj_rng rng = dice_of(sim, attempt_id, 1);
    struct call call = {.reply = KEJUE_OK, .rings = true, .reports = "raie"};
    call.length_ms = kj_rng_range(&rng, 2000, 40000);
    call.reply_ms = kj_rng_range(&rng, 0, 9) ? kj_rng_range(&rng, 5, 400) : 12000;
    call.disposition = k_ends[kj_rng_range(&rng, 0, KJ_COUNT(k_ends) - 1)];
    if (sim->plan->odd_reports)
        call.reports = k_odd[kj_rng_range(&rng, 0, KJ_COUNT(k_odd) - 1)];
    int64_t odd = sim->plan->odd_replies ? kj_rng_range(&rng, 1, 12) : 12;
    if (odd == 1)
        call.reply = KEJUE_UNKNOWN;
    if (odd == 2)
        call = (struct call){.reply = KEJUE_UNKNOWN, .reply_ms = 3000};
    if (odd == 3)
        call = (struct call){.reply = KEJUE_NOT_PROCESSED, .reply_ms = 30};
    return call;
}

// --- answers ---

static void question_end(struct sim_question *question)
{
    struct sim_question **at = &question->host->plugins.questions;
    while (*at != question)
        at = &(*at)->next;
    *at = question->next;
    if (question->answer)
        ((struct answer *)question->answer)->question = NULL;
    question->done(question->arg, &question->outcome, question->result);
    bson_destroy(question->result);
    free(question);
}

static void on_answer(struct sim *sim, struct sim_event *event)
{
    struct answer *answer = (struct answer *)event;
    struct sim_question *question = answer->question;
    (void)sim;
    if (question && !question->host->doomed) {
        question->answer = NULL;
        question_end(question);
    } else if (question)
        question->answer = NULL;
    free(answer);
}

static void answer_in(struct sim_question *question, int64_t ms)
{
    struct answer *answer = KJ_NEW(struct answer);
    answer->event.run = on_answer;
    answer->question = question;
    question->answer = &answer->event;
    sim_at(question->host->sim, question->host->sim->now + ms, question->host, &answer->event);
}

void sim_carrier_end(struct sim_host *host)
{
    while (host->plugins.questions) {
        host->plugins.questions->outcome =
            (struct kj_outcome){KEJUE_UNKNOWN, 0, "closing", "closing"};
        question_end(host->plugins.questions);
    }
}

// --- reports ---

static void put_state(const struct sim *sim, const struct sim_ring *ring, char letter,
                      const char *disposition, bson_t *data)
{
    const char *state = letter == 'r'   ? "ringing"
                        : letter == 'a' ? "answered"
                        : letter == 'i' ? "in_progress"
                                        : "ended";
    bson_t turns = BSON_INITIALIZER, turn = BSON_INITIALIZER;
    int64_t at = letter == 'r' ? ring->at : letter == 'e' ? ring->ends_at : sim->now;
    kj_doc_put_text(data, "attempt_id", ring->attempt_id);
    kj_doc_put_text(data, "state", state);
    kj_doc_put_time(data, "at", sim->plan->start + at);
    if (letter == 'e') {
        kj_doc_put_text(data, "disposition", disposition);
        kj_doc_put_text(&turn, "speaker", "lead");
        kj_doc_put_text(&turn, "text", "Yes, hello?");
        kj_doc_put_doc(&turns, "0", &turn);
        if (kj_streq(disposition, "completed")) {
            kj_doc_put_text(data, "answered_by", "human");
            kj_doc_put_array(data, "transcript", &turns);
        }
    }
    bson_destroy(&turn);
    bson_destroy(&turns);
}

static void send_report(struct sim *sim, struct sim_event *event);

static void report_again(struct sim *sim, struct report *report)
{
    if (!sim->plan->resend || ++report->tries > 12) {
        free(report);
        return;
    }
    report->event.run = send_report;
    sim_at(sim, sim->now + 10000, NULL, &report->event);
}

static void on_taken(void *arg, const struct kj_outcome *outcome, const bson_t *answer)
{
    struct report *report = arg;
    (void)answer;
    if (outcome->class == KEJUE_OK)
        free(report);
    else
        report_again(report->event.host->sim, report);
}

static void on_report_arrives(struct sim *sim, struct sim_event *event)
{
    struct report *report = (struct report *)event;
    struct sim_host *host = event->host;
    const struct sim_ring *ring = &sim->rings[report->ring];
    if (host->engine == NULL || host->doomed) {
        report_again(sim, report);
        return;
    }
    bson_t request = BSON_INITIALIZER, data = BSON_INITIALIZER;
    put_state(sim, ring, report->letter, draw(sim, ring->attempt_id).disposition, &data);
    kj_doc_put_text(&request, "name", "telephony.progress");
    kj_doc_put_doc(&request, "data", &data);
    sim_say(sim, host, "report %c of %s", report->letter, ring->attempt_id);
    struct kj_host_ports ports = kj_engine_ports(host->engine);
    ports.ask(ports.arg, "carrier", "default", "emit", &request, on_taken, report);
    bson_destroy(&request);
    bson_destroy(&data);
}

static void send_report(struct sim *sim, struct sim_event *event)
{
    struct report *report = (struct report *)event;
    int to = report->home;
    if (sim->plan->anywhere)
        to = (int)kj_rng_range(&sim->rng, 0, sim->plan->hosts - 1);
    event->run = on_report_arrives;
    sim_at(sim, sim->now, &sim->host[to], event);
}

static void plan_reports(struct sim *sim, size_t index, const char *letters)
{
    const struct sim_ring *ring = &sim->rings[index];
    struct kj_rng rng = dice_of(sim, ring->attempt_id, 2);
    int64_t length = ring->ends_at - ring->at, count = (int64_t)strlen(letters);
    for (int64_t i = 0; i < count; i++) {
        struct report *report = KJ_NEW(struct report);
        int64_t at = letters[i] == 'e' ? length : length * (i + 1) / (count + 1);
        if (sim->plan->odd_reports && kj_rng_range(&rng, 1, 6) == 1)
            at += kj_rng_range(&rng, 0, 90000);
        report->event.run = send_report;
        report->ring = index;
        report->letter = letters[i];
        report->home = ring->host;
        sim_at(sim, ring->at + at, NULL, &report->event);
    }
}

// --- verbs ---

struct dialing { // a call that was held back (SIM_NO_LAST_LOOK)
    struct sim_event event;
    bson_t *request;
    struct call call;
};

static void ring(struct sim *sim, struct sim_host *host, const bson_t *request,
                 const struct call *call)
{
    bool counts = kj_disposition_counts(kj_disposition_from_name(call->disposition));
    size_t index = sim->ring_count;
    sim_saw_ring(sim, host, request, counts, call->length_ms);
    if (sim->ring_count > index)
        plan_reports(sim, index, call->reports);
}

static void on_held_back(struct sim *sim, struct sim_event *event)
{
    struct dialing *dialing = (struct dialing *)event;
    ring(sim, event->host, dialing->request, &dialing->call);
    bson_destroy(dialing->request);
    free(dialing);
}

static void place(struct sim_host *host, const bson_t *request, struct sim_question *question)
{
    struct sim *sim = host->sim;
    struct call call = draw(sim, kj_doc_text(request, "attempt_id", ""));
    question->outcome = (struct kj_outcome){call.reply, 0, NULL, NULL};
    if (call.rings && sim->breach == SIM_NO_LAST_LOOK) {
        struct dialing *dialing = KJ_NEW(struct dialing);
        *dialing = (struct dialing){{.run = on_held_back}, bson_copy(request), call};
        sim_at(sim, sim->now + 20000, host, &dialing->event);
    } else if (call.rings)
        ring(sim, host, request, &call);
    else
        sim_say(sim, host, "place %s: does not ring", kj_doc_text(request, "attempt_id", ""));
    answer_in(question, call.reply_ms);
}

static void look_up(struct sim_host *host, const bson_t *request, struct sim_question *question)
{
    struct sim *sim = host->sim;
    const char *attempt_id = kj_doc_text(request, "attempt_id", "");
    const struct sim_ring *found = NULL;
    bool lies = sim->breach == SIM_REDIAL;
    for (size_t i = 0; i < sim->ring_count && sim->plan->lookup == SIM_LOOKUP_LOG && !lies; i++)
        if (kj_streq(sim->rings[i].attempt_id, attempt_id))
            found = &sim->rings[i];
    question->outcome.class = sim->plan->lookup == SIM_LOOKUP_BROKEN ? KEJUE_UNKNOWN : KEJUE_OK;
    kj_doc_put_bool(question->result, "found", found != NULL);
    kj_doc_put_bool(question->result, "certain", sim->plan->lookup == SIM_LOOKUP_LOG || lies);
    if (found)
        put_state(sim, found, sim->now >= found->ends_at ? 'e' : 'i',
                  draw(sim, attempt_id).disposition, question->result);
    sim_say(sim, host, "look-up of %s: %s", attempt_id, found ? "found" : "not found");
    answer_in(question, 20);
}

// A vendor that does not tell repeats apart: the same message twice is a fault of ours.
static void send_message(struct sim_host *host, const struct kj_host_call *call,
                         struct sim_question *question)
{
    struct sim *sim = host->sim;
    struct kj_rng rng = dice_of(sim, call->key, call->attempt);
    int64_t dice = sim->plan->odd_replies ? kj_rng_range(&rng, 1, 10) : 10;
    question->outcome.class = dice == 1   ? KEJUE_UNKNOWN
                              : dice == 2 ? KEJUE_NOT_PROCESSED
                                          : KEJUE_OK;
    sim_say(sim, host, "send %s", call->key);
    if (dice != 2 && kj_map_put(&sim->sent, call->key, sim))
        sim_broken(sim, "the message %s was sent twice", call->key);
    kj_doc_put_text(question->result, "message_id", call->key);
    answer_in(question, 40);
}

// --- the host room's face ---

uint64_t kj_host_start(struct kj_host *plugins, const struct kj_host_call *call, kj_host_done *done,
                       void *arg, struct kj_fault *fault)
{
    struct sim_host *host = plugins->host;
    bool placing = kj_streq(call->verb, "telephony.place");
    bool looking =
        kj_streq(call->verb, "telephony.lookup") && host->sim->plan->lookup != SIM_LOOKUP_NONE;
    bool sending = kj_streq(call->verb, "whatsapp.send_template");
    if (!placing && !looking && !sending) {
        kj_fault(fault, KJ_ENOTFOUND, call->verb, NULL, "no plugin offers this verb");
        return 0;
    }
    const struct sim_fault *hit = host->doomed ? NULL : sim_step(host);
    enum sim_fault_kind kind = hit ? hit->kind : SIM_FAULT_KINDS;
    struct sim_question *question = KJ_NEW(struct sim_question);
    *question = (struct sim_question){.next = plugins->questions,
                                      .host = host,
                                      .result = bson_new(),
                                      .done = done,
                                      .arg = arg,
                                      .id = (uint64_t)host->steps};
    plugins->questions = question;
    if (host->doomed && kind != SIM_CRASH_AFTER)
        return question->id;
    if (kind == SIM_LOSE) {
        question->outcome.class = KEJUE_UNKNOWN;
        answer_in(question, 5000);
    } else if (placing)
        place(host, call->request, question);
    else if (looking)
        look_up(host, call->request, question);
    else
        send_message(host, call, question);
    if (kind == SIM_LOSE_REPLY || kind == SIM_LATE)
        question->outcome.class = KEJUE_UNKNOWN;
    return question->id;
}

void kj_host_cancel(struct kj_host *plugins, uint64_t id)
{
    (void)plugins;
    (void)id; // what was asked was asked; the answer comes
}

const struct kejue_verb *kj_host_verb(const struct kj_host *plugins, const char *instance,
                                      const char *name)
{
    static const struct kejue_verb k_message = {.name = "whatsapp.send_template",
                                                .repeat = KEJUE_REPEAT_NONE};
    (void)plugins;
    (void)instance;
    return kj_streq(name, k_message.name) ? &k_message : NULL;
}

bson_t *kj_host_status(const struct kj_host *plugins, const char *instance)
{
    (void)plugins;
    (void)instance;
    return bson_new();
}

const char *kj_class_name(enum kejue_class class)
{
    static const char *const k_names[] = {"ok",         "not_processed", "unknown", "caller",
                                          "credential", "account",       "canceled"};
    return k_names[class];
}
