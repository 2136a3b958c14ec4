// The admit gates. Each answers with one sentence that holds the values it saw, so that "why was
// she not called" reads like a protocol; what cannot be known closes the gate.
#include "model/gate.h"

#include "base/alloc.h"
#include "doc/decimal.h"
#include "model/fold.h"
#include "model/frequency.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct answer {
    bool open, final;
    int64_t next_at; // when closed
    char sentence[320];
};

static const char *const k_names[KJ_GATE_COUNT] = {
    "opt_out", "do_not_call", "consent", "window", "frequency", "trunk_rate", "concurrency"};

// What each kind of refusal is called in a sentence.
static const char k_opt_out[] = "opt-out", k_do_not_call[] = "do-not-call entry",
                  k_consent_revoked[] = "revocation of consent";

const char *kj_gate_name(enum kj_gate gate)
{
    return (unsigned)gate < KJ_GATE_COUNT ? k_names[gate] : "unknown";
}

// The sentence out of its parts, up to a NULL. What each call is told goes this way: by printf it
// took a fiftieth of a rehearsal.
__attribute__((sentinel)) static void say(struct answer *answer, ...)
{
    va_list parts;
    const char *part;
    size_t length = 0, left;
    va_start(parts, answer);
    while ((part = va_arg(parts, const char *))) {
        left = sizeof answer->sentence - 1 - length;
        size_t fits = strnlen(part, left);
        memcpy(answer->sentence + length, part, fits);
        length += fits;
    }
    va_end(parts);
    answer->sentence[length] = 0;
}

struct digits {
    char text[KJ_DECIMAL_SIZE];
};

static const char *number(int64_t value, struct digits *digits)
{
    digits->text[kj_decimal_print_int(value, digits->text)] = 0;
    return digits->text;
}

// "2026-07-01 14:30", local.
static void print_local(const struct kj_zone *zone, int64_t at, char *text, size_t size)
{
    struct kj_civil c;
    kj_zone_local(zone, at, &c);
    kj_time_print(kj_civil_to_ms(&c), text, size);
    char *day_end = strchr(text, 'T');
    *day_end = ' ';
    day_end[sizeof " 14:30" - 1] = 0;
}

// The first refusal of a kind on the number's document.
static bool find_refusal(const bson_t *number, const char *kind, bson_t *refusal)
{
    bson_t list;
    bson_iter_t at;
    if (number == NULL || !kj_doc_child(number, "refusals", &list))
        return false;
    for (bool more = bson_iter_init(&at, &list); more && bson_iter_next(&at);) {
        if (kj_doc_at(&at, refusal) && strcmp(kj_doc_text(refusal, "kind", ""), kind) == 0)
            return true;
    }
    return false;
}

static void judge_refusal(const struct kj_gate_input *input, const char *kind, const char *what,
                          struct answer *answer)
{
    bson_t refusal;
    char day[40] = "an unknown day";
    if (!find_refusal(input->number, kind, &refusal)) {
        say(answer, "no ", what, " on record", NULL);
        return;
    }
    int64_t at = kj_doc_time(&refusal, "at", 0);
    if (at)
        kj_time_print(at, day, sizeof day);
    const char *evidence = kj_doc_text(&refusal, "evidence", "");
    answer->open = false;
    answer->final = true;
    answer->next_at = INT64_MAX;
    const char *source = kj_doc_text(&refusal, "source", "an unknown source");
    snprintf(answer->sentence, sizeof answer->sentence, "%s of %s by %.*s%s%.*s%s", what, day,
             kj_utf8_fit(source, 60), source, evidence[0] ? ": \"" : "", kj_utf8_fit(evidence, 120),
             evidence, evidence[0] ? "\"" : "");
}

bool kj_gate_refused(const bson_t *number, char *text, size_t size)
{
    static const struct {
        const char *kind, *what;
    } k_kinds[] = {{"opt_out", k_opt_out},
                   {"do_not_call", k_do_not_call},
                   {"consent_revoked", k_consent_revoked}};
    struct kj_gate_input input = {.number = number};
    for (size_t i = 0; i < KJ_COUNT(k_kinds); i++) {
        struct answer answer = {.open = true};
        judge_refusal(&input, k_kinds[i].kind, k_kinds[i].what, &answer);
        if (answer.open)
            continue;
        snprintf(text, size, "%s", answer.sentence);
        return true;
    }
    return false;
}

static void judge_opt_out(const struct kj_gate_input *input, struct answer *answer)
{
    judge_refusal(input, "opt_out", k_opt_out, answer);
}

static void judge_do_not_call(const struct kj_gate_input *input, struct answer *answer)
{
    judge_refusal(input, "do_not_call", k_do_not_call, answer);
}

static void close_for_person(struct answer *answer)
{
    answer->open = false;
    answer->next_at = INT64_MAX;
}

// Is a consent asked for, for this lead? A policy with regions and a lead without a country: yes.
static bool consent_is_required(const struct kj_gate_input *input, const char *country)
{
    if (input->consent_policy == NULL || !kj_doc_bool(input->consent_policy, "required", false))
        return false;
    return kj_doc_count(input->consent_policy, "regions") == 0 || country[0] == 0 ||
           kj_doc_lists(input->consent_policy, "regions", country);
}

static void judge_consent(const struct kj_gate_input *input, struct answer *answer)
{
    char day[40];
    bson_t revoked;
    const char *country = input->lead ? kj_doc_text(input->lead, "country", "") : "";
    if (find_refusal(input->number, "consent_revoked", &revoked)) { // required or not: it is a no
        judge_refusal(input, "consent_revoked", k_consent_revoked, answer);
        return;
    }
    if (!consent_is_required(input, country)) {
        const char letters[] = {country[0], country[0] ? country[1] : 0, 0};
        say(answer, "consent is not required", letters[0] ? " in " : "", letters, NULL);
        return;
    }
    int64_t given = input->lead ? kj_doc_time(input->lead, "consent.at", 0) : 0;
    int64_t expires = input->lead ? kj_doc_time(input->lead, "consent.expires_at", INT64_MAX) : 0;
    const char *scope = input->lead ? kj_doc_text(input->lead, "consent.scope", "all") : "all";
    if (given == 0 || given > input->now) {
        close_for_person(answer);
        snprintf(answer->sentence, sizeof answer->sentence, "consent is required and %s",
                 given ? "the one on record lies in the future" : "there is none on record");
    } else if (expires <= input->now) {
        kj_time_print(expires, day, sizeof day);
        close_for_person(answer);
        snprintf(answer->sentence, sizeof answer->sentence, "the consent expired at %s", day);
    } else if (strcmp(scope, "all") != 0 && strcmp(scope, "calls") != 0) {
        close_for_person(answer);
        snprintf(answer->sentence, sizeof answer->sentence, "the consent covers %.*s, not calls",
                 kj_utf8_fit(scope, 40), scope);
    } else {
        kj_time_print(given, day, sizeof day);
        const char *channel = kj_doc_text(input->lead, "consent.channel", "an unknown channel");
        snprintf(answer->sentence, sizeof answer->sentence, "consent given at %s by %.*s", day,
                 kj_utf8_fit(channel, 60), channel);
    }
}

static void judge_window(const struct kj_gate_input *input, struct answer *answer)
{
    char now[40], then[40];
    int64_t closes;
    if (input->zone_count == 0 || input->windows == NULL) {
        close_for_person(answer);
        snprintf(answer->sentence, sizeof answer->sentence, "%s",
                 input->zone_count ? "there is no schedule to call by"
                                   : "the callee's time zone is not known: give the lead one");
        return;
    }
    const struct kj_zone *zone = input->zones[0];
    const char *others = input->zone_count > 1 ? " and the other zones of the number" : "";
    int64_t next =
        kj_windows_next(input->windows, input->zones, input->zone_count, input->now, &closes);
    print_local(zone, input->now, now, sizeof now);
    if (next == INT64_MAX) {
        close_for_person(answer);
        snprintf(answer->sentence, sizeof answer->sentence,
                 "%s in %s%s; no calling window opens any more (60 days ahead or to the end of the "
                 "schedule)",
                 now, kj_zone_name(zone), others);
        return;
    }
    bool open = next == input->now;
    print_local(zone, open ? closes : next, then, sizeof then);
    say(answer, now, " in ", kj_zone_name(zone), others, open ? "; open until " : "; opens at ",
        then, NULL);
    answer->open = open;
    answer->next_at = open ? 0 : kj_frequency_next(input, next);
}

static void judge_frequency(const struct kj_gate_input *input, struct answer *answer)
{
    struct kj_frequency frequency;
    kj_frequency_count(input, input->now, &frequency);
    const char *zone = input->zone_count ? kj_zone_name(input->zones[0]) : "UTC";
    if (input->cap_lead_per_campaign > 0 && input->job_attempts >= input->cap_lead_per_campaign) {
        answer->open = false;
        answer->final = true;
        answer->next_at = INT64_MAX;
        snprintf(answer->sentence, sizeof answer->sentence,
                 "%d of %d attempts of this job are used up", input->job_attempts,
                 input->cap_lead_per_campaign);
        return;
    }
    struct digits today, day, so_far, month;
    const char *lifted =
        frequency.lifted ? "; today's cap is lifted once: the callee asked for this call" : "";
    bool by_day = input->cap_per_day > 0, by_month = input->cap_per_30_days > 0;
    say(answer, number(frequency.today, &today), by_day ? " of " : "",
        by_day ? number(input->cap_per_day, &day) : "", " attempts today (", zone, "), ",
        number(frequency.in_30_days, &so_far), by_month ? " of " : "",
        by_month ? number(input->cap_per_30_days, &month) : "", " in 30 days", lifted, NULL);
    answer->open = frequency.open;
    if (!answer->open)
        answer->next_at = kj_frequency_next(input, input->now);
}

// Rate and lines of the trunk are known for the present only.
static bool not_now(const struct kj_gate_input *input, struct answer *answer)
{
    if (input->another_time)
        snprintf(answer->sentence, sizeof answer->sentence, "known for the present only");
    return input->another_time;
}

static void judge_trunk_rate(const struct kj_gate_input *input, struct answer *answer)
{
    if (not_now(input, answer))
        return;
    int64_t wait = input->next_trunk_slot - input->now;
    if (input->next_trunk_slot == 0 || wait <= 0) {
        say(answer, "the trunk may start a call now", NULL);
        return;
    }
    answer->open = false;
    answer->next_at = kj_frequency_next(input, input->next_trunk_slot);
    snprintf(answer->sentence, sizeof answer->sentence,
             "the trunk may start its next call in %" PRId64 ".%" PRId64 " s", wait / 1000,
             wait % 1000 / 100);
}

static void judge_concurrency(const struct kj_gate_input *input, struct answer *answer)
{
    static const int64_t k_look_again_ms = 5000;
    if (not_now(input, answer))
        return;
    struct digits used, all;
    number(input->open_calls, &used);
    if (input->max_calls <= 0) {
        say(answer, used.text, " calls are open, no limit", NULL);
        return;
    }
    say(answer, used.text, " of ", number(input->max_calls, &all), " lines are in use", NULL);
    if (input->open_calls < input->max_calls)
        return;
    answer->open = false;
    answer->next_at = kj_frequency_next(
        input, input->slot_hint > input->now ? input->slot_hint : input->now + k_look_again_ms);
}

static void (*const k_judges[KJ_GATE_COUNT])(const struct kj_gate_input *, struct answer *) = {
    judge_opt_out,   judge_do_not_call, judge_consent,    judge_window,
    judge_frequency, judge_trunk_rate,  judge_concurrency};

static void put_answer(struct kj_doc_list *list, int gate, const struct answer *answer)
{
    bson_t one = BSON_INITIALIZER;
    kj_doc_put_text(&one, "gate", k_names[gate]);
    kj_doc_put_bool(&one, "open", answer->open);
    kj_doc_put_text(&one, "input", answer->sentence);
    if (answer->final)
        kj_doc_put_bool(&one, "final", true);
    if (!answer->open && answer->next_at != INT64_MAX)
        kj_doc_put_time(&one, "next_at", answer->next_at);
    kj_doc_put_doc(list->array, kj_doc_next(list), &one);
    bson_destroy(&one);
}

void kj_gates_judge(const struct kj_gate_input *input, struct kj_gate_result *result,
                    bson_t *verdict)
{
    bson_t gates = BSON_INITIALIZER;
    struct kj_doc_list list = {.array = &gates};
    *result = (struct kj_gate_result){.open = true};
    for (int gate = 0; gate < KJ_GATE_COUNT && (result->open || input->all); gate++) {
        struct answer answer = {.open = true};
        k_judges[gate](input, &answer);
        put_answer(&list, gate, &answer);
        if (answer.open || !result->open)
            continue;
        *result = (struct kj_gate_result){
            .final = answer.final, .stopped_by = (enum kj_gate)gate, .next_at = answer.next_at};
        result->waits_for_person = !answer.final && answer.next_at == INT64_MAX;
    }
    kj_doc_put_time(verdict, "at", input->now);
    kj_doc_put_bool(verdict, "open", result->open);
    if (!result->open) {
        kj_doc_put_bool(verdict, "final", result->final);
        kj_doc_put_text(verdict, "gate", k_names[result->stopped_by]);
        kj_doc_put_bool(verdict, "waits_for_person", result->waits_for_person);
        if (result->next_at != INT64_MAX)
            kj_doc_put_time(verdict, "next_at", result->next_at);
    }
    kj_doc_put_array(verdict, "gates", &gates);
    bson_destroy(&gates);
}
