// The host room, faked: a carrier with a memory of its own (what rang, rang, whatever becomes of
// the engine), and vendors that answer by a table.
#include "fake_world.h"

struct fake_op {
    struct fake_op *next;
    struct world *world;
    uint64_t id;
    struct kj_timer timer;
    struct kj_outcome outcome;
    bson_t *result;
    kj_host_done *done;
    void *arg;
};

struct fake_report {
    struct fake_report *next;
    struct world *world;
    struct kj_timer timer;
    size_t ring;
    char letter;
    int sequence, tries;
};

// --- operations ---

static void op_end(struct fake_op *op)
{
    struct fake_op **at = &op->world->host.ops;
    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
    kj_timer_stop(op->world->loop, &op->timer);
    op->done(op->arg, &op->outcome, op->result);
    bson_destroy(op->result);
    free(op);
}

static void on_op_timer(void *arg)
{
    struct fake_op *op = arg;
    if (!op->world->dead) // else it ends with the life
        op_end(op);
}

void fake_host_end(struct world *world)
{
    while (world->host.ops) {
        world->host.ops->outcome = (struct kj_outcome){KEJUE_UNKNOWN, 0, "closing", "closing"};
        op_end(world->host.ops);
    }
}

static struct fake_op *op_new(struct world *world, kj_host_done *done, void *arg)
{
    struct fake_op *op = KJ_NEW(struct fake_op);
    op->world = world;
    op->id = ++world->host.last_op;
    op->done = done;
    op->arg = arg;
    op->result = bson_new();
    op->next = world->host.ops;
    kj_timer_init(&op->timer, on_op_timer, op);
    world->host.ops = op;
    return op;
}

// --- reports ---

static void report_free(struct fake_report *report)
{
    struct fake_report **at = &report->world->reports;
    while (*at != report)
        at = &(*at)->next;
    *at = report->next;
    kj_timer_stop(report->world->loop, &report->timer);
    free(report);
}

void fake_reports_end(struct world *world)
{
    while (world->reports)
        report_free(world->reports);
}

static void on_report_taken(void *arg, const struct kj_outcome *outcome, const bson_t *answer)
{
    struct fake_report *report = arg;
    (void)answer;
    if (outcome->class != KEJUE_OK && report->world->resend && ++report->tries < 20)
        kj_timer_start(report->world->loop, &report->timer, 10000);
    else
        report_free(report);
}

static void put_end(const struct fake_ring *ring, bson_t *data)
{
    const char *disposition = ring->call.disposition ? ring->call.disposition : "completed";
    bool talked = kj_streq(disposition, "completed");
    int64_t length = ring->ends_at - ring->at;
    kj_doc_put_text(data, "disposition", disposition);
    kj_doc_put_int(data, "ring_ms", length / 4);
    kj_doc_put_int(data, "duration_ms", talked ? length / 2 : 0);
    if (!talked)
        return;
    bson_t *turns = json("[{\"speaker\": \"assistant\", \"text\": \"Hello\"},"
                         "{\"speaker\": \"lead\", \"text\": \"%s\"}]",
                         ring->call.says ? ring->call.says : "Yes, hello?");
    kj_doc_put_text(data, "answered_by", "human");
    kj_doc_put_text(data, "end_reason", "callee_hangup");
    kj_doc_put_array(data, "transcript", turns);
    bson_destroy(turns);
}

static void put_state(const struct fake_ring *ring, char letter, bson_t *data)
{
    int64_t length = ring->ends_at - ring->at;
    const char *state = letter == 'r'   ? "ringing"
                        : letter == 'a' ? "answered"
                        : letter == 'i' ? "in_progress"
                                        : "ended";
    int64_t at = letter == 'r' ? ring->at : letter == 'e' ? ring->ends_at : ring->at + length / 2;
    kj_doc_put_text(data, "provider_id", "P");
    kj_doc_put_text(data, "state", state);
    kj_doc_put_time(data, "at", at);
    if (letter == 'e')
        put_end(ring, data);
}

static void on_report(void *arg)
{
    struct fake_report *report = arg;
    struct world *world = report->world;
    const struct kj_outcome lost = {KEJUE_NOT_PROCESSED, 0, NULL, NULL};
    if (world->dead || world->engine == NULL) {
        on_report_taken(report, &lost, NULL);
        return;
    }
    bson_t request = BSON_INITIALIZER, data = BSON_INITIALIZER;
    const struct fake_ring *ring = &world->rings[report->ring];
    kj_doc_put_text(&data, "attempt_id", ring->attempt_id);
    kj_doc_put_int(&data, "sequence", report->sequence);
    put_state(ring, report->letter, &data);
    kj_doc_put_text(&request, "name", "telephony.progress");
    kj_doc_put_doc(&request, "data", &data);
    struct kj_host_ports ports = kj_engine_ports(world->engine);
    ports.ask(ports.arg, "carrier", "default", "emit", &request, on_report_taken, report);
    bson_destroy(&request);
    bson_destroy(&data);
}

static void schedule_reports(struct world *world, size_t index)
{
    const struct fake_ring *ring = &world->rings[index];
    const char *letters = ring->call.reports ? ring->call.reports : "raie";
    int64_t length = ring->ends_at - ring->at, count = (int64_t)strlen(letters);
    for (int64_t i = 0; i < count && !ring->call.mute; i++) {
        struct fake_report *report = KJ_NEW(struct fake_report);
        *report = (struct fake_report){.next = world->reports,
                                       .world = world,
                                       .ring = index,
                                       .letter = letters[i],
                                       .sequence = (int)i + 1};
        world->reports = report;
        kj_timer_init(&report->timer, on_report, report);
        kj_timer_start(world->loop, &report->timer, length * (i + 1) / count);
    }
}

// --- the carrier's verbs ---

static void place(struct world *world, const bson_t *request, struct fake_op *op)
{
    static const struct fake_call k_plain = {.reply = KEJUE_OK};
    size_t index = world->placed++;
    const struct fake_call *call = &k_plain;
    if (world->call_count)
        call = &world->calls[index < world->call_count ? index : world->call_count - 1];
    kj_doc_clear(&world->last_place);
    world->last_place = bson_copy(request);
    op->outcome = (struct kj_outcome){call->reply, call->retry_after_ms, NULL,
                                      call->reply == KEJUE_OK ? NULL : "says the carrier"};
    kj_timer_start(world->loop, &op->timer, call->reply_ms);
    bool rings = call->reply == KEJUE_OK || (call->reply == KEJUE_UNKNOWN && !call->silent);
    if (!rings)
        return;
    assert_true(world->ring_count < KJ_COUNT(world->rings));
    struct fake_ring *ring = &world->rings[world->ring_count];
    ring->call = *call;
    ring->at = world_now(world);
    ring->step = world->faults.steps;
    ring->ends_at = ring->at + (call->call_ms ? call->call_ms : 30000);
    kj_copy(ring->attempt_id, sizeof ring->attempt_id, kj_doc_text(request, "attempt_id", ""));
    kj_copy(ring->to, sizeof ring->to, kj_doc_text(request, "to", ""));
    schedule_reports(world, world->ring_count++);
}

static void look_up(struct world *world, const bson_t *request, struct fake_op *op)
{
    const char *attempt_id = kj_doc_text(request, "attempt_id", "");
    const struct fake_ring *ring = NULL;
    world->lookups++;
    op->outcome.class = world->lookup == LOOKUP_BROKEN ? KEJUE_UNKNOWN : KEJUE_OK;
    kj_timer_start(world->loop, &op->timer, 20);
    for (size_t i = 0; i < world->ring_count; i++)
        if (kj_streq(world->rings[i].attempt_id, attempt_id))
            ring = &world->rings[i];
    if (world->lookup != LOOKUP_LOG)
        ring = NULL;
    kj_doc_put_bool(op->result, "found", ring != NULL);
    kj_doc_put_bool(op->result, "certain", world->lookup == LOOKUP_LOG);
    if (ring)
        put_state(ring, world_now(world) >= ring->ends_at ? 'e' : 'i', op->result);
}

static void ask_vendor(struct world *world, struct fake_verb *verb, const struct kj_host_call *call,
                       struct fake_op *op)
{
    size_t index = verb->asked++;
    enum kejue_class class = verb->replies[index < 7 ? index : 7];
    assert_true(world->sent_count < KJ_COUNT(world->sent));
    struct fake_sent *sent = &world->sent[world->sent_count++];
    kj_copy(sent->verb, sizeof sent->verb, call->verb);
    kj_copy(sent->key, sizeof sent->key, call->key ? call->key : "");
    sent->at = world_now(world);
    op->outcome = (struct kj_outcome){class, verb->retry_after_ms, NULL,
                                      class == KEJUE_OK ? NULL : "says the vendor"};
    kj_timer_start(world->loop, &op->timer, 20);
    if (class == KEJUE_OK && verb->result) {
        bson_destroy(op->result);
        op->result = json("%s", verb->result);
    }
}

static struct fake_verb *find_verb(struct world *world, const char *name)
{
    for (size_t i = 0; i < KJ_COUNT(world->verbs); i++)
        if (world->verbs[i].name && kj_streq(world->verbs[i].name, name))
            return &world->verbs[i];
    return NULL;
}

uint64_t kj_host_start(struct kj_host *host, const struct kj_host_call *call, kj_host_done *done,
                       void *arg, struct kj_fault *fault)
{
    struct world *world = host->world;
    struct fake_verb *verb = find_verb(world, call->verb);
    bool placing = kj_streq(call->verb, "telephony.place"), after = false;
    bool looking = kj_streq(call->verb, "telephony.lookup") && world->lookup != LOOKUP_NONE;
    if (!placing && !looking && verb == NULL) {
        kj_fault(fault, KJ_ENOTFOUND, call->verb, NULL, "no plugin offers this verb");
        return 0;
    }
    if (!world->dead && fake_step(world, &after))
        fake_die(world);
    struct fake_op *op = op_new(world, done, arg);
    if (world->dead)
        return op->id;
    if (placing)
        place(world, call->request, op);
    else if (looking)
        look_up(world, call->request, op);
    else
        ask_vendor(world, verb, call, op);
    if (after)
        fake_die(world);
    return op->id;
}

void kj_host_cancel(struct kj_host *host, uint64_t id)
{
    for (struct fake_op *op = host->ops; op; op = op->next)
        if (op->id == id) {
            op->outcome = (struct kj_outcome){KEJUE_CANCELED, 0, NULL, NULL};
            kj_timer_start(op->world->loop, &op->timer, 0);
        }
}

const struct kejue_verb *kj_host_verb(const struct kj_host *host, const char *instance,
                                      const char *name)
{
    static struct kejue_verb declared;
    struct fake_verb *verb = find_verb(host->world, name);
    (void)instance;
    if (verb == NULL)
        return NULL;
    declared =
        (struct kejue_verb){.name = verb->name, .flags = verb->flags, .repeat = verb->repeat};
    return &declared;
}

bson_t *kj_host_status(const struct kj_host *host, const char *instance)
{
    (void)host;
    (void)instance;
    return bson_new();
}

const char *kj_class_name(enum kejue_class class)
{
    static const char *const k_names[] = {"ok",         "not_processed", "unknown", "caller",
                                          "credential", "account",       "canceled"};
    return k_names[class];
}
