// The plan of one call: who answers, when, and how it ends. Pure: the same request, instant and
// seed give the same plan, in any order, in any process.
#include "sim.h"

#include <stdlib.h>
#include <string.h>

// The documented numbers of README.md: last three digits, when force_by_suffix is on.
static const struct {
    const char *digits;
    enum kj_sim_disposition disposition;
    enum kj_sim_persona persona;
    enum kj_sim_interest interest;
    bool hurries, wants_visit;
    enum kj_sim_fault fault;
} k_suffixes[] = {
    {"001", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_FAULT_COUNT},
    {"002", SIM_COMPLETED, SIM_BUSY_PERSON, SIM_LOW, false, false, SIM_FAULT_COUNT},
    {"003", SIM_COMPLETED, SIM_SCEPTICAL, SIM_LOW, false, false, SIM_FAULT_COUNT},
    {"004", SIM_COMPLETED, SIM_WRONG_PERSON, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"005", SIM_COMPLETED, SIM_ANGRY_OPT_OUT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"006", SIM_COMPLETED, SIM_ASKS_ROBOT, SIM_MEDIUM, false, false, SIM_FAULT_COUNT},
    {"007", SIM_COMPLETED, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"008", SIM_COMPLETED, SIM_CALLBACK_TOMORROW, SIM_MEDIUM, false, false, SIM_FAULT_COUNT},
    {"009", SIM_COMPLETED, SIM_NOISY, SIM_MEDIUM, false, false, SIM_FAULT_COUNT},
    {"010", SIM_COMPLETED, SIM_INTERRUPTER, SIM_MEDIUM, false, false, SIM_FAULT_COUNT},
    {"011", SIM_COMPLETED, SIM_OTHER_LANGUAGE, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"012", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, true, SIM_FAULT_COUNT},
    {"013", SIM_COMPLETED, SIM_INTERESTED, SIM_MEDIUM, true, false, SIM_FAULT_COUNT},
    {"020", SIM_VOICEMAIL, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"021", SIM_BUSY, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"022", SIM_NO_ANSWER, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"023", SIM_REJECTED, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"024", SIM_BLOCKED, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"025", SIM_INVALID, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"026", SIM_UNREACHABLE, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"027", SIM_CARRIER_ERROR, SIM_SILENT, SIM_NONE, false, false, SIM_FAULT_COUNT},
    {"032", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_API_429},
    {"033", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_API_500},
    {"034", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_TIMEOUT_AFTER_ACCEPT},
    {"035", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_LOST_REPLY},
    {"036", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_NO_END_EVENT},
    {"037", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_DOUBLED_EVENT},
    {"038", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_REORDERED_EVENT},
    {"039", SIM_COMPLETED, SIM_INTERESTED, SIM_HIGH, false, false, SIM_LATE_EVENT},
};

static int suffix_of(const struct kj_sim_rules *rules, const char *to)
{
    size_t length = strlen(to);
    if (!rules->force_by_suffix || length < 5)
        return 0;
    for (size_t i = 0; i < sizeof k_suffixes / sizeof *k_suffixes; i++)
        if (strcmp(to + length - 3, k_suffixes[i].digits) == 0)
            return (int)i + 1;
    return 0;
}

enum kj_sim_fault kj_sim_forced_fault(const struct kj_sim_rules *rules, const char *to)
{
    int row = suffix_of(rules, to);
    return row ? k_suffixes[row - 1].fault : SIM_FAULT_COUNT;
}

// Draws what the far end does. Numbers that do not exist, or block us, stay so at every attempt;
// the rest moves with the hour, the habits and the annoyance.
static enum kj_sim_disposition outcome(const struct kj_sim_dice *dice,
                                       const struct kj_sim_plan *plan)
{
    const double *mix = dice->rules->mix;
    double total = 0, lasting[3], weights[SIM_MIX_COUNT];
    for (int i = 0; i < SIM_MIX_COUNT; i++)
        total += mix[i];
    struct kj_sim_dice lead = kj_sim_of_number(dice);
    lasting[0] = mix[SIM_INVALID];
    lasting[1] = mix[SIM_BLOCKED];
    lasting[2] = total - lasting[0] - lasting[1];
    size_t fate = kj_sim_pick(&lead, "fate", 0, lasting, 3);
    if (fate < 2)
        return fate == 0 ? SIM_INVALID : SIM_BLOCKED;
    memcpy(weights, mix, sizeof weights);
    weights[SIM_INVALID] = weights[SIM_BLOCKED] = 0;
    double again = (double)(plan->attempt - 1);
    double patience = 1.0 - 0.08 * again;
    weights[SIM_COMPLETED] *= kj_sim_reach(dice->rules, &plan->callee, &plan->local);
    weights[SIM_COMPLETED] *= patience > 0.5 ? patience : 0.5;
    weights[SIM_REJECTED] *= 1.0 + 0.5 * again;
    // Voicemail belongs to those who have a box; the others just do not answer.
    double unanswered = mix[SIM_VOICEMAIL] + mix[SIM_NO_ANSWER];
    double holders = unanswered > 0 ? 1.05 * mix[SIM_VOICEMAIL] / unanswered : 0;
    double box = plan->callee.voicemail ? mix[SIM_VOICEMAIL] / (holders < 1 ? holders : 1) : 0;
    weights[SIM_VOICEMAIL] = box < unanswered ? box : unanswered;
    weights[SIM_NO_ANSWER] = unanswered - weights[SIM_VOICEMAIL];
    return (enum kj_sim_disposition)kj_sim_pick(dice, "outcome", 0, weights, SIM_MIX_COUNT);
}

static void read_request(const struct kj_sim_rules *rules, struct kj_sim_plan *plan)
{
    const struct kejue_host *host = rules->host;
    struct kejue_doc request = plan->request;
    plan->attempt_id = host->text(request, "attempt_id", "");
    plan->to = host->text(request, "to", "");
    int64_t attempt = host->integer(request, "attempt", 1);
    plan->attempt = attempt < 1 ? 1 : attempt > 1000 ? 1000 : (int)attempt;
    plan->ring_limit_ms = 1000 * host->integer(request, "ring_timeout_seconds", 30);
    plan->talk_limit_ms = 1000 * host->integer(request, "max_duration_seconds", 600);
    const char *language = host->text(request, "language", "en");
    plan->language = SIM_EN; // also for languages that nobody here speaks
    for (int i = 0; i < SIM_LANGUAGE_COUNT; i++)
        if (strncmp(language, kj_sim_language_names[i], 2) == 0 &&
            (language[2] == 0 || language[2] == '-'))
            plan->language = (enum kj_sim_language)i;
    plan->spoken = plan->language;
}

static void choose(const struct kj_sim_dice *dice, struct kj_sim_plan *plan)
{
    kj_sim_callee(dice, &plan->callee);
    plan->persona = kj_sim_mood(dice, &plan->callee);
    plan->hurries = kj_sim_chance(dice, "hurries", 0, 0.12);
    plan->wants_visit = kj_sim_chance(dice, "visit", 0, 0.5);
    plan->disposition = outcome(dice, plan);
    plan->forced = suffix_of(dice->rules, plan->to);
    if (plan->forced) {
        int row = plan->forced - 1;
        plan->patient = true;
        plan->disposition = k_suffixes[row].disposition;
        plan->persona = k_suffixes[row].persona;
        plan->callee.interest = k_suffixes[row].interest;
        plan->hurries = k_suffixes[row].hurries;
        plan->wants_visit = k_suffixes[row].wants_visit;
    }
    if (plan->persona == SIM_WRONG_PERSON || plan->persona == SIM_ANGRY_OPT_OUT)
        plan->callee.interest = SIM_NONE;
}

// A far end that never picks up: when it ends, and whether it rang.
static void not_answered(const struct kj_sim_dice *dice, struct kj_sim_plan *plan, int64_t setup_ms)
{
    static const struct {
        bool rings;
        int64_t low, high; // ms after the set-up
        int code;
        const char *words;
    } k_ends[] = {
        [SIM_BUSY] = {false, 200, 1500, 486, "Busy Here"},
        [SIM_REJECTED] = {true, 2000, 9000, 603, "Decline"},
        [SIM_INVALID] = {false, 0, 600, 404, "Not Found"},
        [SIM_BLOCKED] = {false, 0, 700, 608, "Rejected"},
        [SIM_UNREACHABLE] = {false, 4000, 9000, 480, "Temporarily Unavailable (Q.850 20)"},
        [SIM_CARRIER_ERROR] = {false, 0, 4000, 503, "Service Unavailable"},
    };
    if (plan->disposition == SIM_NO_ANSWER) {
        plan->ringing_at = setup_ms;
        plan->ended_at = setup_ms + plan->ring_limit_ms;
        plan->code = 480;
        plan->words = "Temporarily Unavailable (Q.850 19)";
        return;
    }
    int64_t low = k_ends[plan->disposition].low, high = k_ends[plan->disposition].high;
    plan->ringing_at = k_ends[plan->disposition].rings ? setup_ms : -1;
    plan->ended_at = setup_ms + kj_sim_range(dice, "failing", 0, low, high);
    plan->code = k_ends[plan->disposition].code;
    plan->words = k_ends[plan->disposition].words;
}

static int64_t pick_up_ms(const struct kj_sim_dice *dice, const struct kj_sim_plan *plan)
{
    if (plan->disposition == SIM_COMPLETED) {
        double ms = kj_sim_log_normal(dice, "pick_up", 0, 9000, 0.543); // 95 % below 22 s
        return ms < 1200 ? 1200 : (int64_t)ms;
    }
    if (kj_sim_chance(dice, "phone_off", 0, 0.25))
        return kj_sim_range(dice, "pick_up", 0, 400, 1900);
    return kj_sim_range(dice, "pick_up", 0, 18000, 25000);
}

static int64_t stretch(struct kj_sim_plan *plan, int64_t talk, double factor)
{
    for (size_t i = 0; i < plan->turn_count; i++) {
        plan->turns[i].start_ms = (int64_t)((double)plan->turns[i].start_ms * factor);
        plan->turns[i].end_ms = (int64_t)((double)plan->turns[i].end_ms * factor);
    }
    return (int64_t)((double)talk * factor);
}

static void answered(const struct kj_sim_dice *dice, struct kj_sim_plan *plan, int64_t setup_ms,
                     int64_t pick_up)
{
    plan->ringing_at = setup_ms;
    plan->answered_at = setup_ms + pick_up;
    plan->human = plan->disposition == SIM_COMPLETED;
    plan->machine = !plan->human;
    plan->code = 200;
    plan->words = "Normal call clearing (Q.850 16)";
    int64_t talk = plan->human ? kj_sim_talk(dice, plan) : kj_sim_voicemail(dice, plan);
    if (plan->human && dice->rules->talk_factor > 0)
        talk = stretch(plan, talk, dice->rules->talk_factor);
    if (talk > plan->talk_limit_ms) {
        talk = plan->talk_limit_ms;
        kj_sim_talk_cut(plan, talk);
        plan->end = SIM_MAX_DURATION;
    }
    plan->ended_at = plan->answered_at + talk;
    int64_t classified = plan->answered_at + kj_sim_range(dice, "classified", 0, 900, 2600);
    plan->progress_at = classified < plan->ended_at ? classified : -1;
}

static void cut(struct kj_sim_plan *plan, int64_t cut_ms)
{
    if (cut_ms < 0 || cut_ms >= plan->ended_at)
        return;
    plan->ended_at = cut_ms;
    plan->end = SIM_OPERATOR;
    if (plan->ringing_at > cut_ms)
        plan->ringing_at = -1;
    if (plan->progress_at > cut_ms)
        plan->progress_at = -1;
    if (plan->answered_at >= 0 && plan->answered_at <= cut_ms) {
        kj_sim_talk_cut(plan, cut_ms - plan->answered_at);
        return;
    }
    if (plan->answered_at >= 0)
        kj_sim_talk_cut(plan, 0);
    plan->answered_at = -1;
    plan->human = plan->machine = false;
    plan->disposition = SIM_CANCELED;
    plan->code = 487;
    plan->words = "Request Terminated";
}

void kj_sim_plan(const struct kj_sim_rules *rules, struct kejue_doc request, int64_t at_ms,
                 int64_t cut_ms, struct kj_sim_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->request = request;
    plan->at_ms = at_ms;
    plan->ringing_at = plan->answered_at = plan->progress_at = -1;
    read_request(rules, plan);
    plan->offset_minutes = kj_sim_offset(rules->host, request, plan->to, at_ms);
    kj_sim_local(at_ms, plan->offset_minutes, &plan->local);
    struct kj_sim_dice dice = {rules, plan->to, (uint64_t)plan->attempt};
    choose(&dice, plan);
    int64_t setup_ms = kj_sim_range(&dice, "setup", 0, 800, 3000);
    int64_t pick_up = pick_up_ms(&dice, plan);
    bool picked_up = plan->disposition == SIM_COMPLETED || plan->disposition == SIM_VOICEMAIL;
    if (picked_up && !plan->forced && pick_up > plan->ring_limit_ms) {
        plan->disposition = SIM_NO_ANSWER;
        picked_up = false;
    }
    if (pick_up > plan->ring_limit_ms)
        pick_up = plan->ring_limit_ms;
    if (picked_up)
        answered(&dice, plan, setup_ms, pick_up);
    else
        not_answered(&dice, plan, setup_ms);
    cut(plan, cut_ms);
    if (plan->answered_at >= 0) {
        int64_t minutes = (plan->ended_at - plan->answered_at + 59999) / 60000;
        plan->cost_micros = minutes * (plan->callee.mobile ? 45000 : 15000);
    }
}

void kj_sim_plan_fini(struct kj_sim_plan *plan)
{
    for (size_t i = 0; i < plan->turn_count; i++)
        free(plan->turns[i].text);
    free(plan->turns);
    free(plan->truths);
    plan->turns = NULL;
    plan->truths = NULL;
    plan->turn_count = plan->truth_count = 0;
}
