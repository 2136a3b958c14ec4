// The hidden person behind a number. Everything is keyed by the number alone, so that retries meet
// the same person with the same habits, only a little more annoyed.
#include "sim.h"

#include <string.h>

// Reachable hours of the day, 24 letters from midnight: '-' hardly, '.' sometimes, '+' likely.
static const struct {
    const char *weekday, *weekend;
    double share;
} k_habits[] = {
    {"-------.+.......+++++++.", "--------.++++++++++++++.", 4}, // works by day
    {"-------.+++++++++++++++-", "-------.+++++++++++++++-", 3}, // at home
    {"--------.+++++++++......", "----------....++++....--", 2}, // a business line
    {"++-------...+++++++.++++", "++--------..++++++++++++", 1}, // works by night
};

static const double k_interest[] = {45, 27, 18, 10};

// Rows: none, low, medium, high interest; columns: personas.
static const double k_personas[4][SIM_PERSONA_COUNT] = {
    // int busy scep wrong angry robot silent call noisy inter other
    {0, 20, 25, 10, 15, 8, 6, 2, 4, 5, 5},
    {10, 18, 25, 3, 4, 12, 4, 10, 5, 6, 3},
    {45, 10, 10, 0, 0, 10, 2, 12, 5, 5, 1},
    {70, 5, 3, 0, 0, 7, 0, 8, 4, 3, 0},
};

void kj_sim_callee(const struct kj_sim_dice *dice, struct kj_sim_callee *callee)
{
    struct kj_sim_dice lead = kj_sim_of_number(dice);
    const double *mix = dice->rules->mix;
    double shares[sizeof k_habits / sizeof *k_habits];
    for (size_t i = 0; i < sizeof k_habits / sizeof *k_habits; i++)
        shares[i] = k_habits[i].share;
    callee->mobile = kj_sim_chance(&lead, "line", 0, 0.65);
    // So many have a voicemail box that, with those who have none, the mix comes out.
    double unanswered = mix[SIM_VOICEMAIL] + mix[SIM_NO_ANSWER];
    double holders = unanswered > 0 ? 1.05 * mix[SIM_VOICEMAIL] / unanswered : 0;
    callee->voicemail = kj_sim_chance(&lead, "voicemail", 0, holders);
    callee->habit = (int)kj_sim_pick(&lead, "habit", 0, shares, 4);
    callee->reach = 0.5 + kj_sim_unit(&lead, "reach", 0);
    callee->patience = kj_sim_unit(&lead, "patience", 0);
    callee->interest = (enum kj_sim_interest)kj_sim_pick(&lead, "interest", 0, k_interest, 4);
    callee->opt_out_tendency = kj_sim_unit(&lead, "opt_out", 0) * (callee->interest == SIM_NONE);
    callee->persona = (enum kj_sim_persona)kj_sim_pick(
        &lead, "persona", 0, k_personas[callee->interest], SIM_PERSONA_COUNT);
    callee->native = kj_sim_native(dice->to);
}

double kj_sim_reach(const struct kj_sim_rules *rules, const struct kj_sim_callee *callee,
                    const struct kj_sim_local *local)
{
    if (rules->by_hour)
        return rules->hours[local->hour] * callee->reach;
    bool weekend = local->weekday >= 5;
    const char *hours = weekend ? k_habits[callee->habit].weekend : k_habits[callee->habit].weekday;
    char now = hours[local->hour];
    double by_hour = now == '+' ? 1.3 : now == '.' ? 0.75 : 0.15;
    return by_hour * callee->reach;
}

enum kj_sim_persona kj_sim_mood(const struct kj_sim_dice *dice, const struct kj_sim_callee *callee)
{
    if (dice->attempt > 1) {
        double annoyance = callee->opt_out_tendency * 0.2 * (double)(dice->attempt - 1);
        if (kj_sim_chance(dice, "annoyed", 0, annoyance))
            return SIM_ANGRY_OPT_OUT;
        // Who asked for another day has time now.
        if (callee->persona == SIM_CALLBACK_TOMORROW)
            return callee->interest >= SIM_MEDIUM ? SIM_INTERESTED : SIM_SCEPTICAL;
    }
    return callee->persona;
}
