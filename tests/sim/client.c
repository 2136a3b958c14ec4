// People and systems that use the engine: they submit, refuse and cancel, at any host that answers,
// and ask again until one has acknowledged it.
#include "sim.h"

#include "engine/kill_switch.h"
#include "engine/modify.h"

enum { k_again_ms = 3000, k_tries = 600 };

struct sim_client {
    struct sim_event event;
    struct sim_client *next;
    struct sim *sim;
    void (*ask)(struct sim_client *client, struct kj_engine *engine);
    int what, tries;
    bool done;
};

static void go(struct sim *sim, struct sim_event *event);

static struct sim_client *client_at(struct sim *sim, int64_t at, int what,
                                    void (*ask)(struct sim_client *, struct kj_engine *))
{
    struct sim_client *client = KJ_NEW(struct sim_client);
    *client = (struct sim_client){
        .event = {.run = go}, .next = sim->clients, .sim = sim, .ask = ask, .what = what};
    sim->clients = client;
    sim_at(sim, at, NULL, &client->event);
    return client;
}

static void again(struct sim_client *client)
{
    if (++client->tries == k_tries)
        sim_broken(client->sim, "nobody answers any more");
    client->event.run = go;
    if (client->tries <= k_tries)
        sim_at(client->sim, client->sim->now + k_again_ms, NULL, &client->event);
}

static void at_host(struct sim *sim, struct sim_event *event)
{
    struct sim_client *client = (struct sim_client *)event;
    struct sim_host *host = event->host;
    (void)sim;
    if (host->engine == NULL || host->doomed)
        again(client);
    else
        client->ask(client, host->engine);
}

static void go(struct sim *sim, struct sim_event *event)
{
    int host = (int)kj_rng_range(&sim->rng, 0, sim->plan->hosts - 1);
    event->run = at_host;
    sim_at(sim, sim->now, &sim->host[host], event);
}

// --- submitting ---

static void put_policy(const struct sim_plan *plan, const struct sim_job *job, bson_t *call)
{
    bson_t schedule = BSON_INITIALIZER, windows = BSON_INITIALIZER, window = BSON_INITIALIZER;
    bson_t limits = BSON_INITIALIZER, retry = BSON_INITIALIZER, gaps = BSON_INITIALIZER;
    char text[16];
    snprintf(text, sizeof text, "%02d:%02d", job->from / 60, job->from % 60);
    kj_doc_put_text(&window, "from", text);
    snprintf(text, sizeof text, "%02d:%02d", job->to / 60, job->to % 60);
    kj_doc_put_text(&window, "to", text);
    kj_doc_put_doc(&windows, "0", &window);
    kj_doc_put_array(&schedule, "windows", &windows);
    kj_doc_put_doc(call, "schedule", &schedule);
    kj_doc_put_int(&limits, "per_day", job->per_day);
    kj_doc_put_int(&limits, "per_30_days", job->per_30_days);
    kj_doc_put_doc(call, "limits", &limits);
    kj_doc_put_int(&gaps, "0", job->gap_minutes);
    kj_doc_put_int(&gaps, "1", job->gap_minutes);
    kj_doc_put_array(&retry, "gaps_minutes", &gaps);
    kj_doc_put_int(&retry, "max_attempts", job->attempts);
    kj_doc_put_doc(call, "retry", &retry);
    kj_doc_put_time(call, "schedule_at", plan->start + job->due);
    bson_t *all[] = {&schedule, &windows, &window, &limits, &retry, &gaps};
    for (size_t i = 0; i < KJ_COUNT(all); i++)
        bson_destroy(all[i]);
}

static void on_submitted(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct sim_client *client = arg;
    struct sim *sim = client->sim;
    (void)fault;
    if (status != KJ_OK) {
        again(client);
        return;
    }
    sim_say(sim, NULL, "job %d is acknowledged as %" PRId64, client->what + 1,
            kj_doc_int(result, "job_id", 0));
    client->done = true;
    sim->acknowledged++;
}

static void submit(struct sim_client *client, struct kj_engine *engine)
{
    const struct sim_plan *plan = client->sim->plan;
    const struct sim_job *job = &plan->job[client->what];
    bson_t request = BSON_INITIALIZER, call = BSON_INITIALIZER;
    char key[16];
    snprintf(key, sizeof key, "job-%d", client->what);
    kj_doc_put_int(&request, "lead_id", job->lead + 1);
    kj_doc_put_text(&request, "key", key);
    kj_doc_put_int(&request, "group_id", 1);
    if (job->campaign)
        kj_doc_put_int(&request, "campaign_id", job->campaign);
    kj_doc_put_text(&call, "context", key);
    put_policy(plan, job, &call);
    kj_doc_put_doc(&request, "call", &call);
    kj_intake_call(engine, "default", &request, on_submitted, client);
    bson_destroy(&call);
    bson_destroy(&request);
}

// --- refusing ---

static void on_refused(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct sim_client *client = arg;
    struct sim *sim = client->sim;
    struct sim_number *number = &sim->numbers[client->what];
    (void)result;
    (void)fault;
    if (status != KJ_OK) {
        again(client);
        return;
    }
    sim_say(sim, NULL, "the refusal of lead %d is acknowledged", client->what + 1);
    client->done = true;
    if (sim->now < number->acknowledged_at)
        number->acknowledged_at = sim->now;
}

static void refuse(struct sim_client *client, struct kj_engine *engine)
{
    bson_t request = BSON_INITIALIZER;
    char number[24];
    sim_number_of(client->what, number);
    kj_doc_put_text(&request, "phone_number", number);
    kj_doc_put_text(&request, "kind", "do_not_call");
    kj_doc_put_text(&request, "source", "by letter");
    kj_intake_refusal(engine, "default", &request, on_refused, client);
    bson_destroy(&request);
}

void sim_refuse(struct sim *sim, int lead)
{
    client_at(sim, sim->now, lead, refuse);
}

// --- canceling, as job.cancel does ---

static int mark(void *arg, const bson_t *job, bson_t **next, bson_t **events)
{
    const struct sim_client *client = arg;
    (void)events;
    int rc =
        job ? kj_job_canceled(job, client->sim->plan->start + client->sim->now, next) : KJ_ESTATE;
    return rc == KJ_ESTATE || *next == NULL ? KJ_MODIFY_SKIP : KJ_OK;
}

static void on_marked(void *arg, int status, const bson_t *job)
{
    struct sim_client *client = arg;
    (void)job;
    if (status != KJ_OK)
        again(client);
    else
        client->done = true;
}

static void cancel(struct sim_client *client, struct kj_engine *engine)
{
    char key[16];
    snprintf(key, sizeof key, "job-%d", client->what);
    kj_modify(&(struct kj_modify){.store = engine->store,
                                  .workspace = "default",
                                  .coll = KJ_JOBS,
                                  .key = key,
                                  .change = mark,
                                  .done = on_marked,
                                  .arg = client});
}

void sim_cancel(struct sim *sim, int job)
{
    client_at(sim, sim->now, job, cancel);
}

// --- the kill switch ---

static void on_switched_on(void *arg, int status, const bson_t *result,
                           const struct kj_fault *fault)
{
    struct sim_client *client = arg;
    (void)result;
    (void)fault;
    if (status != KJ_OK) {
        again(client);
        return;
    }
    client->done = true;
    client->sim->switching = false;
}

static void switch_on(struct sim_client *client, struct kj_engine *engine)
{
    client->sim->stopped_at = INT64_MAX;
    sim_say(client->sim, NULL, "dialing is to be switched on");
    kj_kill_switch_set(engine, true, on_switched_on, client);
}

static void on_switched_off(void *arg, int status, const bson_t *result,
                            const struct kj_fault *fault)
{
    struct sim_client *client = arg;
    struct sim *sim = client->sim;
    (void)result;
    (void)fault;
    if (status != KJ_OK) {
        again(client);
        return;
    }
    sim_say(sim, NULL, "dialing is switched off");
    client->done = true;
    sim->stopped_at = sim->now;
    client_at(sim, sim->now + client->what, 0, switch_on);
}

static void switch_off(struct sim_client *client, struct kj_engine *engine)
{
    kj_kill_switch_set(engine, false, on_switched_off, client);
}

void sim_stop(struct sim *sim, int64_t ms)
{
    if (!sim->switching) // two hands at once would only fight each other
        client_at(sim, sim->now, (int)ms, switch_off);
    sim->switching = true;
}

// --- all of them ---

void sim_clients_start(struct sim *sim)
{
    for (int i = 0; i < sim->plan->jobs; i++)
        client_at(sim, sim->plan->job[i].at, i, submit);
}

bool sim_clients_done(const struct sim *sim)
{
    bool done = true;
    for (const struct sim_client *client = sim->clients; client; client = client->next)
        done = done && client->done;
    return done;
}

void sim_clients_end(struct sim *sim)
{
    while (sim->clients) {
        struct sim_client *client = sim->clients;
        sim->clients = client->next;
        free(client);
    }
}
