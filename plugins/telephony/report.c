// The documents that leave the carrier: progress events, look-up answers, lines of truth.
#include "sim.h"

#include <string.h>

const char *const kj_sim_disposition_names[] = {
    "completed",      "voicemail", "no_answer",   "busy",          "rejected",
    "invalid_number", "blocked",   "unreachable", "carrier_error", "canceled"};
const char *const kj_sim_persona_names[] = {
    "interested",    "busy",        "sceptical",     "wrong_person",
    "angry_opt_out", "asks_robot",  "silent",        "callback_tomorrow",
    "noisy",         "interrupter", "other_language"};
const char *const kj_sim_interest_names[] = {"none", "low", "medium", "high"};
const char *const kj_sim_language_names[] = {"en", "de", "es"};
const char *const kj_sim_end_names[] = {NULL,           "callee_hangup",   "assistant_hangup",
                                        "max_duration", "silence_timeout", "voicemail_policy",
                                        "opt_out",      "operator"};
const char *const kj_sim_fault_names[] = {
    "lost_reply", "lost_event", "doubled_event",        "reordered_event",       "late_event",
    "api_429",    "api_500",    "timeout_after_accept", "timeout_before_accept", "no_end_event"};
const char *const kj_sim_mix_names[] = {"human",   "voicemail",   "no_answer",
                                        "busy",    "rejected",    "invalid_number",
                                        "blocked", "unreachable", "carrier_error"};

static const char *const k_states[] = {"dialing", "ringing", "answered", "in_progress", "ended"};

int64_t kj_sim_state_at(const struct kj_sim_plan *plan, enum kj_sim_state state)
{
    switch (state) {
    case SIM_DIALING:
        return 0;
    case SIM_RINGING:
        return plan->ringing_at;
    case SIM_ANSWERED:
        return plan->answered_at;
    case SIM_IN_PROGRESS:
        return plan->progress_at;
    default:
        return plan->ended_at;
    }
}

int kj_sim_sequence(const struct kj_sim_plan *plan, enum kj_sim_state state)
{
    int sequence = 0;
    for (int s = SIM_DIALING; s <= (int)state; s++)
        sequence += kj_sim_state_at(plan, (enum kj_sim_state)s) >= 0;
    return sequence;
}

static void put_turns(const struct kejue_host *host, struct kejue_builder *b,
                      const struct kj_sim_plan *plan)
{
    host->begin_array(b, "transcript");
    for (size_t i = 0; i < plan->turn_count; i++) {
        const struct kj_sim_turn *turn = &plan->turns[i];
        host->begin_doc(b, NULL);
        host->put_text(b, "speaker", turn->lead ? "lead" : "assistant");
        host->put_text(b, "text", turn->text);
        host->put_integer(b, "start_ms", turn->start_ms);
        host->put_integer(b, "end_ms", turn->end_ms);
        host->end(b);
    }
    host->end(b);
}

static void put_end(const struct kejue_host *host, struct kejue_builder *b,
                    const struct kj_sim_plan *plan)
{
    int64_t rang_until = plan->answered_at >= 0 ? plan->answered_at : plan->ended_at;
    host->put_text(b, "disposition", kj_sim_disposition_names[plan->disposition]);
    host->put_text(b, "end_reason", kj_sim_end_names[plan->end]);
    host->put_integer(b, "duration_ms",
                      plan->answered_at >= 0 ? plan->ended_at - plan->answered_at : 0);
    host->put_integer(b, "ring_ms", plan->ringing_at >= 0 ? rang_until - plan->ringing_at : 0);
    host->begin_doc(b, "raw");
    host->put_integer(b, "code", plan->code);
    host->put_text(b, "text", plan->words);
    host->end(b);
    if (plan->answered_at >= 0)
        put_turns(host, b, plan);
    host->put_text(b, "dtmf", plan->dtmf);
    host->begin_doc(b, "cost");
    host->put_integer(b, "amount_micros", plan->cost_micros);
    host->put_text(b, "currency", "EUR");
    host->end(b);
}

// What is known in a state; shared by events and look-ups.
static void put_state(const struct kejue_host *host, struct kejue_builder *b,
                      const struct kj_sim_plan *plan, const struct kj_sim_ring *ring,
                      enum kj_sim_state state)
{
    host->put_text(b, "attempt_id", ring->attempt_id);
    host->put_text(b, "provider_id", ring->provider_id);
    host->put_integer(b, "sequence", kj_sim_sequence(plan, state));
    host->put_text(b, "state", k_states[state]);
    host->put_time(b, "at", plan->at_ms + kj_sim_state_at(plan, state));
    // The carrier tells people from machines only after it has listened.
    if (state >= SIM_IN_PROGRESS && plan->answered_at >= 0)
        host->put_text(b, "answered_by",
                       plan->progress_at < 0 ? "unknown"
                       : plan->human         ? "human"
                                             : "machine");
    if (state == SIM_ENDED)
        put_end(host, b, plan);
}

struct kejue_builder *kj_sim_progress(const struct kj_sim_rules *rules,
                                      const struct kj_sim_plan *plan,
                                      const struct kj_sim_ring *ring, enum kj_sim_state state)
{
    const struct kejue_host *host = rules->host;
    struct kejue_builder *b = host->build(rules->ctx);
    host->put_text(b, "name", "telephony.progress");
    host->begin_doc(b, "data");
    put_state(host, b, plan, ring, state);
    host->end(b);
    return b;
}

struct kejue_builder *kj_sim_look_up(const struct kj_sim_rules *rules,
                                     const struct kj_sim_plan *plan, const struct kj_sim_ring *ring,
                                     int64_t now_ms)
{
    const struct kejue_host *host = rules->host;
    struct kejue_builder *b = host->build(rules->ctx);
    enum kj_sim_state state = SIM_DIALING;
    for (int s = SIM_DIALING; s < SIM_STATE_COUNT; s++) {
        int64_t at = kj_sim_state_at(plan, (enum kj_sim_state)s);
        if (at >= 0 && plan->at_ms + at <= now_ms)
            state = (enum kj_sim_state)s;
    }
    host->put_boolean(b, "found", 1);
    host->put_boolean(b, "certain", 1);
    put_state(host, b, plan, ring, state);
    return b;
}

static void put_variable(const struct kejue_host *host, struct kejue_builder *b,
                         const struct kj_sim_truth *truth)
{
    switch (truth->kind) {
    case SIM_BOOLEAN:
        host->put_boolean(b, truth->key, truth->integer != 0);
        break;
    case SIM_INTEGER:
        host->put_integer(b, truth->key, truth->integer);
        break;
    case SIM_NUMBER:
        host->put_real(b, truth->key, truth->real);
        break;
    default:
        host->put_text(b, truth->key, truth->text);
    }
}

// Did a person say anything?
static bool reached(const struct kj_sim_plan *plan)
{
    bool spoke = false;
    for (size_t i = 0; i < plan->turn_count; i++)
        spoke = spoke || plan->turns[i].lead;
    return plan->human && spoke;
}

struct kejue_builder *kj_sim_truth_line(const struct kj_sim_rules *rules,
                                        const struct kj_sim_plan *plan)
{
    const struct kejue_host *host = rules->host;
    struct kejue_builder *b = host->build(rules->ctx);
    host->put_text(b, "attempt_id", plan->attempt_id);
    host->put_text(b, "to", plan->to);
    host->put_time(b, "at", plan->at_ms);
    host->put_integer(b, "attempt", plan->attempt);
    host->put_text(b, "persona", plan->human ? kj_sim_persona_names[plan->persona] : NULL);
    host->put_text(b, "interest", kj_sim_interest_names[plan->callee.interest]);
    host->put_boolean(b, "reached", reached(plan));
    host->put_text(b, "answered_by", plan->human ? "human" : plan->machine ? "machine" : "unknown");
    host->put_text(b, "disposition", kj_sim_disposition_names[plan->disposition]);
    host->put_text(b, "end_reason", kj_sim_end_names[plan->end]);
    host->put_boolean(b, "opt_out", plan->opt_out);
    host->put_boolean(b, "callback_wished", plan->callback);
    if (plan->callback) {
        char day[11];
        kj_sim_copy(day, sizeof day, plan->callback_at);
        host->put_text(b, "callback_at", plan->callback_at);
        host->put_text(b, "callback_date", day);
    }
    host->put_boolean(b, "appointment_wished", plan->appointment_at[0] != 0);
    host->put_text(b, "appointment_at", plan->appointment_at[0] ? plan->appointment_at : NULL);
    host->begin_doc(b, "variables");
    for (size_t i = 0; i < plan->truth_count; i++)
        put_variable(host, b, &plan->truths[i]);
    host->end(b);
    host->put_text(b, "language", kj_sim_language_names[plan->spoken]);
    host->put_boolean(b, "simulated", 1);
    return b;
}
