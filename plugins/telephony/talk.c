// The conversation of an answered call: walks a persona's graph and speaks both sides.
//
// Speech takes time by its length, people pause, some hang up. Nothing here waits: the whole talk
// is written down before it is reported.
#include "personas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 200, MAX_TURNS = 200, MAX_QUESTIONS = 60 };

struct talk {
    const struct kj_sim_dice *dice;
    struct kj_sim_plan *plan;
    const struct kejue_host *host;
    int64_t now; // ms since the answer
    const struct kj_sim_wish *wish;
    char day[32];
    bool over;
};

static const char *wording(const struct talk *talk, enum kj_sim_phrase phrase,
                           enum kj_sim_language language, int nth)
{
    const char *const *all = kj_sim_phrases[phrase][language];
    int count = 0;
    while (count < SIM_WORDINGS && all[count])
        count++;
    if (nth < 0) // the first wording of a fixed call is the documented one
        nth = talk->plan->forced ? 0
                                 : (int)kj_sim_range(talk->dice, "wording",
                                                     (int)talk->plan->turn_count, 0, count - 1);
    return all[nth % count];
}

static void expand_token(const struct talk *talk, const char *token, struct kj_sim_text *out)
{
    struct kejue_doc request = talk->plan->request;
    enum kj_sim_language language = talk->plan->language;
    if (strcmp(token, " name") == 0) {
        const char *name = talk->host->text(request, "lead.first_name", "");
        if (*name)
            kj_sim_add(out, " ");
        kj_sim_add(out, name);
    } else if (strcmp(token, "company") == 0) {
        const char *company = talk->host->text(request, "company", "");
        kj_sim_add(out, *company ? company : wording(talk, ASK_COMPANY, language, 0));
    } else if (strcmp(token, "day") == 0) {
        kj_sim_add(out, talk->day);
    }
}

static void expand(const struct talk *talk, const char *words, struct kj_sim_text *out)
{
    char piece[2] = "", token[16];
    for (const char *at = words; *at; at++) {
        const char *close = *at == '{' ? strchr(at, '}') : NULL;
        size_t length = close ? (size_t)(close - at) - 1 : 0;
        if (!close || length >= sizeof token) {
            piece[0] = *at;
            kj_sim_add(out, piece);
            continue;
        }
        memcpy(token, at + 1, length);
        token[length] = 0;
        if (strcmp(token, "when") == 0 && talk->wish)
            expand(talk, talk->wish->when[talk->plan->language], out);
        else
            expand_token(talk, token, out);
        at = close;
    }
}

static int64_t speech_ms(const char *text)
{
    int64_t letters = 0;
    for (const char *at = text; *at; at++)
        letters += ((unsigned char)*at & 0xC0) != 0x80;
    return 250 + 55 * letters;
}

// Takes the text. A lead may hang up behind what it said.
static void say_take(struct talk *talk, bool lead, char *text)
{
    struct kj_sim_plan *plan = talk->plan;
    int turn = (int)plan->turn_count;
    if (plan->turn_count == plan->turn_capacity) {
        plan->turn_capacity = plan->turn_capacity ? 2 * plan->turn_capacity : 16;
        plan->turns = kj_sim_realloc(plan->turns, plan->turn_capacity * sizeof *plan->turns);
    }
    bool barges_in = lead && turn > 1 && plan->persona == SIM_INTERRUPTER;
    int64_t gap =
        barges_in ? -200 : kj_sim_range(talk->dice, "pause", turn, 300, lead ? 1100 : 900);
    struct kj_sim_turn *said = &plan->turns[plan->turn_count++];
    *said = (struct kj_sim_turn){lead, text, talk->now + gap, talk->now + gap + speech_ms(text)};
    talk->now = said->end_ms;
    double hazard = 0.02 * (1.0 + 0.3 * (double)(plan->attempt - 1));
    bool hangs_up = lead && !plan->patient && kj_sim_chance(talk->dice, "hazard", turn, hazard);
    if (hangs_up || plan->turn_count >= MAX_TURNS) {
        plan->end = SIM_CALLEE_HANGUP;
        talk->now += 300;
        talk->over = true;
    }
}

static void say(struct talk *talk, bool lead, const char *words)
{
    struct kj_sim_text text = {0};
    kj_sim_add(&text, "");
    expand(talk, words, &text);
    say_take(talk, lead, text.data);
}

static void greet(struct talk *talk)
{
    const char *given = talk->host->text(talk->plan->request, "first_message", "");
    if (*given)
        say_take(talk, false, kj_sim_strdup(given)); // as it is: its braces are not ours
    else
        say(talk, false, wording(talk, ASK_GREETING, talk->plan->language, -1));
}

// Shortens a text to a share of it, at a space; false when nothing is left.
static bool shorten(char *text, int64_t part, int64_t whole)
{
    size_t keep = whole > 0 ? (size_t)((int64_t)strlen(text) * part / whole) : 0;
    while (keep && text[keep] != ' ')
        keep--;
    text[keep] = 0;
    return keep > 0;
}

static void greet_cut(struct talk *talk)
{
    greet(talk);
    struct kj_sim_turn *turn = &talk->plan->turns[talk->plan->turn_count - 1];
    if (shorten(turn->text, 6, 10)) {
        turn->end_ms = turn->start_ms + speech_ms(turn->text);
        talk->now = turn->end_ms;
    }
}

static void questions(struct talk *talk, int percent)
{
    struct kj_sim_plan *plan = talk->plan;
    int count = 0;
    while (count < MAX_QUESTIONS && *kj_sim_question(plan, talk->host, count))
        count++;
    count = (count * percent + 99) / 100;
    for (int i = 0; i < count && !talk->over; i++) {
        struct kj_sim_text question = {0}, answer = {0};
        kj_sim_add(&question, wording(talk, ASK_THANKS, plan->language, i));
        kj_sim_add(&question, " ");
        kj_sim_add(&question, kj_sim_question(plan, talk->host, i));
        say_take(talk, false, question.data);
        kj_sim_add(&answer, "");
        if (plan->persona == SIM_NOISY)
            kj_sim_add(&answer, wording(talk, SAY_NOISY_ANSWER, plan->spoken, i));
        kj_sim_answer(talk->dice, plan, i, &answer);
        say_take(talk, true, answer.data);
    }
}

static void local_instant(const struct kj_sim_plan *plan, int days, int hour, char out[24])
{
    struct kj_sim_local at;
    int64_t day = kj_sim_days(plan->local.year, plan->local.month, plan->local.day) + days;
    kj_sim_local(day * 86400000, 0, &at);
    snprintf(out, 24, "%04d-%02d-%02dT%02d:00", at.year % 10000, at.month, at.day, hour);
}

static void wish_callback(struct talk *talk)
{
    struct kj_sim_plan *plan = talk->plan;
    int which = plan->forced ? 0 : (int)kj_sim_range(talk->dice, "callback", 0, 0, 3);
    talk->wish = &kj_sim_callbacks[which];
    plan->callback = true;
    plan->callback_turn = plan->turn_count;
    local_instant(plan, 1, talk->wish->hour, plan->callback_at);
    say(talk, true, talk->wish->asks[plan->spoken]);
}

static void wish_visit(struct talk *talk)
{
    struct kj_sim_plan *plan = talk->plan;
    int which = plan->forced ? 0 : (int)kj_sim_range(talk->dice, "visit_hour", 0, 0, 2);
    int weekday = plan->forced ? 1 : (int)kj_sim_range(talk->dice, "visit_day", 0, 0, 4);
    int days = (weekday - plan->local.weekday + 7) % 7;
    talk->wish = &kj_sim_visits[which];
    kj_sim_copy(talk->day, sizeof talk->day, kj_sim_days_of_week[plan->spoken][weekday]);
    plan->appointment_turn = plan->turn_count;
    local_instant(plan, days ? days : 7, talk->wish->hour, plan->appointment_at);
    say(talk, true, talk->wish->asks[plan->spoken]);
}

static void opt_out(struct talk *talk, enum kj_sim_phrase phrase)
{
    talk->plan->opt_out = true;
    talk->plan->opt_out_turn = talk->plan->turn_count;
    if (phrase == SAY_KEY_NINE)
        talk->plan->dtmf = "9";
    say(talk, true, wording(talk, phrase, talk->plan->spoken, -1));
}

static void speak(struct talk *talk, const struct kj_sim_step *step)
{
    struct kj_sim_plan *plan = talk->plan;
    enum kj_sim_phrase phrase = (enum kj_sim_phrase)step->value;
    switch (step->kind) {
    case STEP_LEAD:
        say(talk, true, wording(talk, phrase, plan->spoken, -1));
        break;
    case STEP_LEAD_OUTRO:
        phrase = (enum kj_sim_phrase)(SAY_OUTRO_NONE + plan->callee.interest);
        say(talk, true, wording(talk, phrase, plan->spoken, -1));
        break;
    case STEP_LEAD_OPTS_OUT:
        opt_out(talk, phrase);
        break;
    case STEP_KEY_NINE:
        opt_out(talk, SAY_KEY_NINE);
        break;
    case STEP_CALLBACK:
        wish_callback(talk);
        break;
    case STEP_VISIT:
        wish_visit(talk);
        break;
    case STEP_GREET:
        greet(talk);
        break;
    case STEP_GREET_CUT:
        greet_cut(talk);
        break;
    case STEP_QUESTIONS:
        questions(talk, step->value);
        break;
    default: // STEP_BOT
        say(talk, false, wording(talk, phrase, plan->language, -1));
    }
}

static bool jumps(const struct talk *talk, const struct kj_sim_step *step, int index)
{
    const struct kj_sim_plan *plan = talk->plan;
    if (step->kind == STEP_IF_CHANCE)
        return !plan->patient &&
               kj_sim_chance(talk->dice, "branch", index, (double)step->value / 100.0);
    if (step->kind == STEP_IF_VISIT)
        return plan->wants_visit && plan->callee.interest == SIM_HIGH;
    return !plan->patient && plan->callee.opt_out_tendency > 0.6; // STEP_IF_REFUSES
}

static void walk(struct talk *talk, const struct kj_sim_step *steps)
{
    int at = 0;
    for (int n = 0; n < MAX_STEPS && !talk->over; n++) {
        const struct kj_sim_step *step = &steps[at++];
        switch (step->kind) {
        case STEP_IF_CHANCE:
        case STEP_IF_VISIT:
        case STEP_IF_REFUSES:
            if (jumps(talk, step, n))
                at = step->to;
            break;
        case STEP_THEN:
            steps = kj_sim_shared_steps[step->value];
            at = 0;
            break;
        case STEP_WAIT:
            talk->now += step->value;
            break;
        case STEP_END:
            talk->plan->end = (enum kj_sim_end)step->value;
            talk->now += kj_sim_range(talk->dice, "hang_up", 0, 200, 900);
            talk->over = true;
            break;
        default:
            speak(talk, step);
        }
    }
}

int64_t kj_sim_talk(const struct kj_sim_dice *dice, struct kj_sim_plan *plan)
{
    struct talk talk = {dice, plan, dice->rules->host, 200, NULL, "", false};
    if (plan->persona == SIM_OTHER_LANGUAGE) {
        enum kj_sim_language own = plan->callee.native;
        if (own == SIM_LANGUAGE_COUNT || own == plan->language)
            own =
                plan->language == SIM_ES ? SIM_EN : (enum kj_sim_language)(SIM_ES - plan->language);
        plan->spoken = own == plan->language ? SIM_ES : own;
    }
    walk(&talk, kj_sim_personas[plan->persona]);
    if (plan->hurries) {
        int64_t patience = kj_sim_range(dice, "hurry", 0, 1000, 5000);
        if (patience < talk.now) {
            kj_sim_talk_cut(plan, patience);
            plan->end = SIM_CALLEE_HANGUP;
            return patience;
        }
    }
    return talk.now;
}

int64_t kj_sim_voicemail(const struct kj_sim_dice *dice, struct kj_sim_plan *plan)
{
    struct talk talk = {dice, plan, dice->rules->host, 200, NULL, "", false};
    bool patient = plan->patient;
    plan->patient = true; // a machine does not hang up early
    say(&talk, true, wording(&talk, SAY_VOICEMAIL, plan->spoken, -1));
    plan->patient = patient;
    plan->end = SIM_VOICEMAIL_POLICY;
    return talk.now + kj_sim_range(dice, "hang_up", 0, 300, 1500);
}

void kj_sim_talk_cut(struct kj_sim_plan *plan, int64_t ms)
{
    while (plan->turn_count && plan->turns[plan->turn_count - 1].start_ms >= ms)
        free(plan->turns[--plan->turn_count].text);
    size_t whole = plan->turn_count, left = 0; // `whole`: turns said to their end
    for (size_t i = 0; i < plan->turn_count; i++) {
        struct kj_sim_turn turn = plan->turns[i];
        if (turn.end_ms > ms) {
            whole = i < whole ? i : whole;
            bool some = shorten(turn.text, ms - turn.start_ms, turn.end_ms - turn.start_ms);
            turn.end_ms = ms;
            if (!some) {
                free(turn.text);
                continue;
            }
        }
        plan->turns[left++] = turn;
    }
    plan->turn_count = left;
    size_t kept = 0;
    for (size_t i = 0; i < plan->truth_count; i++)
        if (plan->truths[i].turn < whole)
            plan->truths[kept++] = plan->truths[i];
    plan->truth_count = kept;
    if (plan->opt_out && plan->opt_out_turn >= whole) {
        plan->opt_out = false;
        plan->dtmf = NULL;
    }
    if (plan->callback && plan->callback_turn >= whole) {
        plan->callback = false;
        plan->callback_at[0] = 0;
    }
    if (plan->appointment_at[0] && plan->appointment_turn >= whole)
        plan->appointment_at[0] = 0;
}
