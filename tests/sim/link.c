// The way to the store: each host has a link of its own, on which requests and answers keep their
// order. What is on the way may be lost, or carried out and not heard of, or carried out long after
// everybody gave it up, as a server does that the client has turned away from.
#include "sim.h"

struct parcel {
    struct sim_event event;
    struct sim_host *host;
    struct kj_store_request *request;
    void (*done)(struct kj_store_request *request); // of who submitted it
    void *arg;
    bool lose_reply, alone; // alone: a late copy, nobody waits for it
    int life;
    bool surely;           // carried out although its host ends now
    const char *kinds[12]; // of a late claim
};

static int64_t latency(struct sim_host *host)
{
    return kj_rng_range(&host->sim->rng, 0, host->sim->plan->slow_link ? 200 : 2);
}

static int64_t in_order(int64_t *last, int64_t at)
{
    if (at < *last)
        at = *last;
    *last = at;
    return at;
}

// --- the trace ---

static const char *const k_verbs[] = {"get",    "insert", "replace", "increment",
                                      "delete", "find",   "count",   "claim"};

// What a document says of itself, as far as it helps to follow a story.
static void describe(const bson_t *doc, char *text, size_t size)
{
    static const char *const k_told[] = {"state", "stage", "attempt_id", "open_attempt.attempt_id",
                                         "reason"};
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < KJ_COUNT(k_told); i++) {
        const char *value = kj_doc_text(doc, k_told[i], "");
        if (value[0] && used < size)
            used += (size_t)snprintf(text + used, size - used, " %s", value);
    }
    if (kj_doc_count(doc, "refusals") && used < size)
        snprintf(text + used, size - used, " refused");
}

static void tell_op(struct sim_host *host, const struct kj_store_op *op)
{
    const char *status = op->status == KJ_OK ? "ok" : kj_error_name(op->status);
    const char *coll = kj_coll_name(op->coll);
    char text[256];
    if (op->doc == NULL) {
        bool took = op->verb == KJ_STORE_CLAIM && op->n_docs;
        (took ? sim_say : sim_detail)(host->sim, host, "%s %s %" PRId64 "%s%s: %s, %zu",
                                      k_verbs[op->verb], coll, op->id, op->key ? " " : "",
                                      op->key ? op->key : "", status, op->n_docs);
        return;
    }
    describe(op->doc, text, sizeof text);
    bool beat = op->coll == KJ_HOSTS && op->verb == KJ_STORE_REPLACE && kj_streq(text, " live") &&
                op->status == KJ_OK;
    (beat ? sim_detail : sim_say)(host->sim, host, "%s %s %" PRId64 " v%" PRId64 "%s: %s",
                                  k_verbs[op->verb], coll, op->id ? op->id : op->new_id,
                                  op->version, text, status);
}

// --- breaches ---

static void hide(struct kj_store_op *op, const char *const *fields)
{
    for (size_t i = 0; i < op->n_docs; i++) {
        bson_t nothing = BSON_INITIALIZER;
        for (size_t n = 0; fields[n]; n++)
            kj_doc_put_null(&nothing, fields[n]);
        bson_t *bare = kj_doc_with(op->docs[i], &nothing);
        bson_destroy(op->docs[i]);
        bson_destroy(&nothing);
        op->docs[i] = bare;
    }
}

static void breach_answer(const struct sim *sim, struct kj_store_op *op)
{
    static const char *const k_permit[] = {"refusals", "open_attempt", "attempts", NULL};
    static const char *const k_lines[] = {"slots", NULL};
    if (sim->breach == SIM_NO_PERMIT && op->coll == KJ_NUMBERS)
        hide(op, k_permit);
    if (sim->breach == SIM_NO_LINES && op->coll == KJ_LIMITS)
        hide(op, k_lines);
}

struct seen {
    int64_t version;
};

static void on_version(struct kj_store_request *request)
{
    struct seen *seen = request->arg;
    if (request->ops[0].n_docs)
        seen->version = kj_doc_int(request->ops[0].docs[0], "version", 0);
}

static void settle(struct kj_loop *loop);

static void breach_request(struct sim *sim, struct kj_store_request *request)
{
    for (size_t i = 0; sim->breach == SIM_NO_VERSIONS && i < request->n_ops; i++) {
        struct kj_store_op *op = &request->ops[i];
        struct seen seen = {op->version};
        if (op->verb != KJ_STORE_REPLACE)
            continue;
        kj_store_get(sim->store, "", op->coll, op->id, NULL, on_version, &seen);
        settle(sim->loop);
        op->version = seen.version;
    }
}

// --- answers ---

static void give_answer(struct parcel *parcel)
{
    struct kj_store_request *request = parcel->request;
    if (request) {
        request->done = parcel->done;
        request->arg = parcel->arg;
        if (request->done)
            request->done(request);
        kj_store_discard(request);
    }
    free(parcel);
}

static void on_answer(struct sim *sim, struct sim_event *event)
{
    (void)sim;
    give_answer((struct parcel *)event);
}

static void answer_at(struct parcel *parcel, int64_t at)
{
    struct sim_host *host = parcel->host;
    parcel->event.run = on_answer;
    sim_at(host->sim, in_order(&host->heard_at, at), host, &parcel->event);
}

static void fail(struct kj_store_request *request, int status)
{
    kj_fault(&request->fault, status, "store", NULL, "the store is away");
    for (size_t i = 0; i < request->n_ops; i++) {
        struct kj_store_op *op = &request->ops[i];
        for (size_t n = 0; n < op->n_docs; n++)
            if (op->docs[n])
                bson_destroy(op->docs[n]);
        free(op->docs);
        op->docs = NULL;
        op->n_docs = 0;
        op->new_id = op->new_version = op->count = 0;
        op->next_due = INT64_MAX;
        op->status = status;
    }
}

// --- at the store ---

static void on_idle(void *arg)
{
    kj_loop_stop(arg);
}

static void settle(struct kj_loop *loop)
{
    kj_loop_release(loop, kj_loop_now(loop), on_idle, loop);
    kj_loop_run(loop);
}

// The store frees the request after this; what it holds moves into one of our own.
static void on_carried_out(struct kj_store_request *request)
{
    struct parcel *parcel = request->arg;
    struct sim_host *host = parcel->host;
    struct kj_store_request *mine = KJ_NEW(struct kj_store_request);
    *mine = *request;
    request->ops = kj_alloc(sizeof *request->ops);
    request->n_ops = 0;
    request->kept = NULL;
    request->n_near = 0;
    parcel->request = mine;
    for (size_t i = 0; i < mine->n_ops; i++) {
        tell_op(host, &mine->ops[i]);
        sim_saw_write(host->sim, &mine->ops[i]);
        breach_answer(host->sim, &mine->ops[i]);
    }
}

static bool away(const struct sim_host *host, const struct kj_store_request *request, int *how,
                 int64_t *until)
{
    const struct sim *sim = host->sim;
    bool all = sim->now >= sim->outage_from && sim->now < sim->outage_until;
    bool split = sim->now >= host->split_from && sim->now < host->split_until;
    bool deaf = sim->now < host->deaf_until && request->ops[0].coll == KJ_HOSTS;
    *how = all ? sim->outage_how : split ? host->split_how : 0;
    *until = all ? sim->outage_until : host->split_until;
    return all || split || deaf;
}

static void on_arrival(struct sim *sim, struct sim_event *event)
{
    struct parcel *parcel = (struct parcel *)event;
    struct sim_host *host = parcel->host;
    int how;
    int64_t until;
    if (sim->plan->embedded && !parcel->surely &&
        (host->engine == NULL || host->life != parcel->life)) { // the store died with it
        fail(parcel->request, KJ_ECANCELED);
        give_answer(parcel);
        return;
    }
    bool is_away = !parcel->alone && away(host, parcel->request, &how, &until);
    if (is_away && how == 2) { // it hangs, and everything behind it
        in_order(&host->sent_at, until);
        sim_at(sim, until, NULL, &parcel->event);
        return;
    }
    if (is_away && (how == 0 || sim->plan->embedded)) {
        fail(parcel->request, KJ_EUNAVAILABLE);
        answer_at(parcel, sim->now + latency(host));
        return;
    }
    breach_request(sim, parcel->request);
    parcel->request->done = on_carried_out;
    parcel->request->arg = parcel;
    kj_store_submit(sim->store, parcel->request);
    settle(sim->loop);
    if (parcel->lose_reply || is_away)
        fail(parcel->request, KJ_EUNAVAILABLE);
    if (parcel->alone) {
        parcel->done = NULL;
        give_answer(parcel);
    } else
        answer_at(parcel, sim->now + latency(host));
}

// --- at the host ---

static struct parcel *parcel_new(struct sim_host *host, struct kj_store_request *request)
{
    struct parcel *parcel = KJ_NEW(struct parcel);
    *parcel = (struct parcel){
        .host = host, .request = request, .done = request->done, .arg = request->arg};
    parcel->event.run = on_arrival;
    parcel->life = host->life;
    return parcel;
}

static void copy_op(struct kj_store_request *to, size_t i, const struct kj_store_op *op,
                    struct parcel *parcel)
{
    struct kj_store_op *copy = &to->ops[i];
    copy->verb = op->verb;
    copy->coll = op->coll;
    copy->id = op->id;
    copy->version = op->version;
    copy->limit = op->limit;
    copy->skip = op->skip;
    copy->now = op->now;
    copy->key = kj_store_keep_text(to, op->key);
    copy->sort = kj_store_keep_text(to, op->sort);
    copy->host = kj_store_keep_text(to, op->host);
    kj_store_own_doc(to, i, op->doc ? bson_copy(op->doc) : NULL);
    kj_store_own_filter(to, i, op->filter ? bson_copy(op->filter) : NULL);
    kj_store_own_events(to, i, op->events ? bson_copy(op->events) : NULL);
    copy->set_on_insert =
        kj_store_keep_take(to, op->set_on_insert ? bson_copy(op->set_on_insert) : NULL);
    size_t n = 0;
    for (; op->kinds && op->kinds[n] && n + 1 < KJ_COUNT(parcel->kinds); n++)
        parcel->kinds[n] = kj_store_keep_text(to, op->kinds[n]);
    copy->kinds = op->kinds ? parcel->kinds : NULL;
}

// Carried out after all, when nobody waits for it any more.
static void send_late(struct sim_host *host, const struct kj_store_request *request, int64_t ms)
{
    struct kj_store_request *copy =
        kj_store_request(request->n_ops, request->workspace, NULL, NULL);
    struct parcel *parcel = parcel_new(host, copy);
    parcel->alone = true;
    for (size_t i = 0; i < request->n_ops; i++)
        copy_op(copy, i, &request->ops[i], parcel);
    sim_at(host->sim, host->sim->now + ms, NULL, &parcel->event);
}

static void swallow(struct sim_host *host, struct kj_store_request *request)
{
    request->next = host->swallowed;
    host->swallowed = request;
}

static void submit(struct kj_store *store, struct kj_store_request *request)
{
    struct sim_host *host = (struct sim_host *)((char *)store - offsetof(struct sim_host, front));
    struct sim *sim = host->sim;
    const struct sim_fault *fault = host->doomed ? NULL : sim_step(host);
    enum sim_fault_kind kind = fault ? fault->kind : SIM_FAULT_KINDS;
    // A crash after the step: it has left, and the host is doomed already.
    if (host->doomed && kind != SIM_CRASH_AFTER) {
        swallow(host, request);
        return;
    }
    struct parcel *parcel = parcel_new(host, request);
    parcel->surely = kind == SIM_CRASH_AFTER;
    if (sim->plan->embedded && (kind == SIM_LATE || kind == SIM_LOSE_REPLY))
        kind = SIM_LOSE;
    if (kind == SIM_LOSE || kind == SIM_LATE) {
        if (kind == SIM_LATE)
            send_late(host, request, fault->ms);
        fail(request, KJ_EUNAVAILABLE);
        answer_at(parcel, sim->now + latency(host));
        return;
    }
    int64_t at = sim->now + latency(host);
    parcel->lose_reply = kind == SIM_LOSE_REPLY;
    if (kind == SIM_HANG)
        at += fault->ms;
    if (kind == SIM_FREEZE && fault->what % 2) // it stood still before the request had left
        at += fault->ms;
    sim_at(sim, in_order(&host->sent_at, at), NULL, &parcel->event);
}

static void destroy(struct kj_store *store)
{
    (void)store;
}

static const struct kj_store_class k_class = {"link", submit, destroy};

void sim_link_init(struct sim_host *host)
{
    host->front = (struct kj_store){
        .class = &k_class, .loop = host->sim->loop, .shared = !host->sim->plan->embedded};
    host->sent_at = host->heard_at = 0;
}

void sim_link_end(struct sim_host *host)
{
    while (host->swallowed) {
        struct kj_store_request *request = host->swallowed;
        host->swallowed = request->next;
        fail(request, KJ_ECANCELED);
        request->done(request);
        kj_store_discard(request);
    }
}
