// The simulated carrier as a telephony driver: reaches nobody, rings in a log file, talks in eleven
// voices. What it exports, its configuration, and the verbs that need no waiting.
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 16384 }; // each call holds memory and a timer of the host

static const double k_default_mix[SIM_MIX_COUNT] = {24, 42, 19, 4, 4, 3, 2, 1, 1};

static const char k_config_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"driver\":{\"type\":\"string\",\"enum\":[\"simulated\"],\"default\":\"simulated\"},"
    "\"ring_log\":{\"type\":\"string\",\"minLength\":1,\"description\":\"File that gets one JSON "
    "line for each ring; the carrier's memory. Without it the memory ends with the process.\"},"
    "\"truth_file\":{\"type\":\"string\",\"minLength\":1,\"description\":\"File that gets what "
    "really happened, one JSON line for each ended call.\"},"
    "\"max_lines\":{\"type\":\"integer\",\"minimum\":0,\"default\":0,\"description\":\"Calls at "
    "once; more are refused as 429. 0 = 16,384, the most.\"},"
    "\"force_by_suffix\":{\"type\":\"boolean\",\"default\":false,\"description\":\"The last three "
    "digits of a number decide its call; the numbers are in the plugin's README.\"},"
    "\"resume\":{\"type\":\"boolean\",\"default\":true,\"description\":\"Go on reporting calls "
    "that "
    "were under way when the process ended.\"},"
    "\"reports\":{\"type\":\"string\",\"enum\":[\"all\",\"end\"],\"default\":\"all\","
    "\"description\":"
    "\"end: only the end of a call is reported, as some carriers do.\"},"
    "\"mix\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"human\":{\"$ref\":\"#/$defs/share\"},\"voicemail\":{\"$ref\":\"#/$defs/share\"},"
    "\"no_answer\":{\"$ref\":\"#/$defs/share\"},\"busy\":{\"$ref\":\"#/$defs/share\"},"
    "\"rejected\":{\"$ref\":\"#/$defs/share\"},\"invalid_number\":{\"$ref\":\"#/$defs/share\"},"
    "\"blocked\":{\"$ref\":\"#/$defs/share\"},\"unreachable\":{\"$ref\":\"#/$defs/share\"},"
    "\"carrier_error\":{\"$ref\":\"#/$defs/share\"}}},"
    "\"hours\":{\"type\":\"array\",\"minItems\":24,\"maxItems\":24,\"items\":{\"$ref\":"
    "\"#/$defs/share\"},\"description\":\"Factors on the share of humans by local hour, in the "
    "place of the people's habits.\"},"
    "\"talk_factor\":{\"type\":\"number\",\"minimum\":0.1,\"maximum\":10,\"default\":1,"
    "\"description\":\"People talk so many times as long.\"},"
    "\"faults\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"lost_reply\":{\"$ref\":\"#/$defs/chance\"},\"lost_event\":{\"$ref\":\"#/$defs/chance\"},"
    "\"doubled_event\":{\"$ref\":\"#/$defs/chance\"},"
    "\"reordered_event\":{\"$ref\":\"#/$defs/chance\"},"
    "\"late_event\":{\"$ref\":\"#/$defs/chance\"},\"api_429\":{\"$ref\":\"#/$defs/chance\"},"
    "\"api_500\":{\"$ref\":\"#/$defs/chance\"},"
    "\"timeout_after_accept\":{\"$ref\":\"#/$defs/chance\"},"
    "\"timeout_before_accept\":{\"$ref\":\"#/$defs/chance\"},"
    "\"no_end_event\":{\"$ref\":\"#/$defs/chance\"}}},"
    "\"outages\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"from\",\"to\"],\"properties\":{"
    "\"from\":{\"type\":\"string\",\"format\":\"date-time\"},"
    "\"to\":{\"type\":\"string\",\"format\":\"date-time\"}}}}},"
    "\"$defs\":{\"chance\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1,\"default\":0},"
    "\"share\":{\"type\":\"number\",\"minimum\":0}}}";

struct outage_reader {
    struct kj_sim *sim;
    char *error;
    size_t error_size;
};

// RFC 3339 text, or a date of the document.
static bool instant(const struct kejue_host *host, struct kejue_doc doc, const char *path,
                    int64_t *at)
{
    const char *text = host->text(doc, path, NULL);
    *at = host->integer(doc, path, INT64_MIN);
    return text ? kj_sim_parse_time(text, at) : *at != INT64_MIN;
}

static int read_outage(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    (void)text;
    struct outage_reader *reader = arg;
    struct kj_sim *sim = reader->sim;
    struct kj_sim_outage outage;
    if (!instant(sim->rules.host, child, "from", &outage.from) ||
        !instant(sim->rules.host, child, "to", &outage.to) || outage.to <= outage.from) {
        snprintf(reader->error, reader->error_size,
                 "outages.%s: from and to must be instants such as 2026-03-02T10:00:00Z, from "
                 "before to",
                 key);
        return -1;
    }
    sim->outages = kj_sim_realloc(sim->outages, (sim->outage_count + 1) * sizeof outage);
    sim->outages[sim->outage_count++] = outage;
    return 0;
}

static int configure(struct kj_sim *sim, struct kejue_doc config, char *error, size_t error_size)
{
    const struct kejue_host *host = sim->rules.host;
    char path[64];
    bool some = false;
    sim->max_lines = host->integer(config, "max_lines", 0);
    if (sim->max_lines <= 0 || sim->max_lines > MOST_LINES)
        sim->max_lines = MOST_LINES;
    sim->ends_only = strcmp(host->text(config, "reports", "all"), "end") == 0;
    sim->rules.force_by_suffix = host->boolean(config, "force_by_suffix", 0) != 0;
    for (int i = 0; i < SIM_MIX_COUNT; i++) {
        snprintf(path, sizeof path, "mix.%s", kj_sim_mix_names[i]);
        // A mix that is given is whole: what it does not name does not happen.
        double share = host->has(config, "mix") ? 0 : k_default_mix[i];
        sim->rules.mix[i] = host->real(config, path, share);
        some = some || sim->rules.mix[i] > 0;
    }
    for (int i = 0; i < SIM_FAULT_COUNT; i++) {
        snprintf(path, sizeof path, "faults.%s", kj_sim_fault_names[i]);
        sim->faults[i] = host->real(config, path, 0);
    }
    sim->rules.talk_factor = host->real(config, "talk_factor", 1);
    sim->rules.by_hour = host->has(config, "hours") != 0;
    for (int i = 0; i < 24 && sim->rules.by_hour; i++) {
        snprintf(path, sizeof path, "hours.%d", i);
        sim->rules.hours[i] = host->real(config, path, 0);
    }
    if (!some) {
        snprintf(error, error_size, "mix: at least one share must be above 0");
        return -1;
    }
    struct outage_reader reader = {sim, error, error_size};
    return host->each(config, "outages", read_outage, &reader);
}

static void sim_close(void *instance)
{
    struct kj_sim *sim = instance;
    kj_sim_place_close(sim);
    kj_sim_live_close(sim);
    kj_sim_ring_log_close(&sim->log);
    free(sim->outages);
    free(sim);
}

static int sim_open(const struct kejue_host *host, struct kejue_ctx *ctx, struct kejue_doc config,
                    void **instance, char *error, size_t error_size)
{
    struct kj_sim *sim = kj_sim_alloc(sizeof *sim);
    sim->rules.host = host;
    sim->rules.ctx = ctx;
    if (configure(sim, config, error, error_size) != 0 ||
        kj_sim_ring_log_open(&sim->log, &sim->rules, host->text(config, "ring_log", NULL),
                             host->text(config, "truth_file", NULL), error, error_size) != 0) {
        free(sim->outages);
        free(sim);
        return -1;
    }
    if (host->boolean(config, "resume", 1))
        kj_sim_resume(sim);
    *instance = sim;
    return 0;
}

static void finish_doc(struct kj_sim *sim, uint64_t op, struct kejue_builder *b)
{
    const struct kejue_host *host = sim->rules.host;
    struct kejue_outcome ok = {KEJUE_OK, 0, NULL, NULL};
    host->finish(sim->rules.ctx, op, &ok, host->built(b));
    host->drop(b);
}

static void look_up(struct kj_sim *sim, uint64_t op, struct kejue_doc request)
{
    const struct kejue_host *host = sim->rules.host;
    const char *attempt_id = host->text(request, "attempt_id", "");
    struct kj_sim_ring *ring = kj_sim_ring_find(&sim->log, attempt_id);
    struct kejue_doc placed;
    if (!ring) {
        struct kejue_builder *b = host->build(sim->rules.ctx);
        host->put_boolean(b, "found", 0);
        // A request that is just on its way may still ring.
        host->put_boolean(b, "certain", !kj_sim_place_pending(sim, attempt_id));
        finish_doc(sim, op, b);
        return;
    }
    struct kejue_builder *holder = kj_sim_ring_request(&sim->log, ring, &placed);
    if (!holder) {
        struct kejue_outcome unknown = {KEJUE_UNKNOWN, 0, "ring_log",
                                        "the ring log cannot be read back; is the file whole?"};
        host->finish(sim->rules.ctx, op, &unknown, (struct kejue_doc){0});
        return;
    }
    struct kj_sim_plan plan;
    kj_sim_plan(&sim->rules, placed, ring->at_ms, ring->cut_ms, &plan);
    finish_doc(sim, op, kj_sim_look_up(&sim->rules, &plan, ring, host->now(sim->rules.ctx)));
    kj_sim_plan_fini(&plan);
    host->drop(holder);
}

static void hang_up(struct kj_sim *sim, uint64_t op, struct kejue_doc request)
{
    const struct kejue_host *host = sim->rules.host;
    struct kj_sim_ring *ring = kj_sim_ring_find(&sim->log, host->text(request, "attempt_id", ""));
    struct kejue_builder *b = host->build(sim->rules.ctx);
    host->put_boolean(b, "found", ring != NULL);
    host->put_boolean(b, "hung_up", ring && kj_sim_hang_up(sim, ring));
    finish_doc(sim, op, b);
}

static void sim_start(void *instance, uint64_t op, const struct kejue_op_info *info,
                      struct kejue_doc doc)
{
    struct kj_sim *sim = instance;
    if (strcmp(info->verb, "telephony.place") == 0) {
        kj_sim_place(sim, op, doc);
    } else if (strcmp(info->verb, "telephony.lookup") == 0) {
        look_up(sim, op, doc);
    } else if (strcmp(info->verb, "telephony.hangup") == 0) {
        hang_up(sim, op, doc);
    } else {
        struct kejue_outcome wrong = {KEJUE_CALLER, 0, "verb", "the carrier has no such verb"};
        sim->rules.host->finish(sim->rules.ctx, op, &wrong, (struct kejue_doc){0});
    }
}

static void sim_cancel(void *instance, uint64_t op)
{
    kj_sim_place_cancel(instance, op);
}

static const struct kejue_verb k_verbs[] = {
    {"telephony.place", "verbs/telephony.place", "verbs/telephony.place",
     KEJUE_MONEY | KEJUE_LOOKUP | KEJUE_SIMULATED, KEJUE_REPEAT_NONE, 0, 15000, 256},
    {"telephony.lookup", "verbs/telephony.lookup", "verbs/telephony.lookup",
     KEJUE_IDEMPOTENT | KEJUE_SIMULATED, KEJUE_REPEAT_NONE, 0, 15000, 256},
    {"telephony.hangup", "verbs/telephony.hangup", "verbs/telephony.hangup",
     KEJUE_IDEMPOTENT | KEJUE_SIMULATED, KEJUE_REPEAT_NONE, 0, 15000, 256},
    {NULL},
};

static const char *const k_events[] = {"telephony.progress", NULL};

KEJUE_EXPORT const struct kejue_plugin kejue_plugin = {
    .size = sizeof(struct kejue_plugin),
    .major = KEJUE_ABI_MAJOR,
    .minor = KEJUE_ABI_MINOR,
    .name = "telephony",
    .version = "0.1.0",
    .config_schema = k_config_schema,
    .verbs = k_verbs,
    .events = k_events,
    .open = sim_open,
    .start = sim_start,
    .cancel = sim_cancel,
    .close = sim_close,
};
