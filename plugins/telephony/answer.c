// What the callee says to a question, and what is true. The truth is keyed by the number and the
// question, so that a second call gets the same answer.
#include "phrases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
    const struct kj_sim_dice *dice;
    struct kj_sim_dice lead;
    struct kj_sim_plan *plan;
    const struct kejue_host *host;
    int index;
    struct kj_sim_truth truth;
};

static const char *const k_choices[SIM_LANGUAGE_COUNT][3][2] = {
    {{"I'd say ", "."}, {"That would be ", "."}, {"", ", I think."}},
    {{"Ich würde sagen ", "."}, {"Das wäre ", "."}, {"", ", denke ich."}},
    {{"Yo diría ", "."}, {"Sería ", "."}, {"", ", creo."}},
};

static const char *path_of(const struct asked *asked, const char *member, char path[128])
{
    snprintf(path, 128, "questions.%d%s%s", asked->index, *member ? "." : "", member);
    return path;
}

static const char *member(const struct asked *asked, const char *name)
{
    char path[128];
    return asked->host->text(asked->plan->request, path_of(asked, name, path), "");
}

// A purpose for draws about this question: "answer/KEY".
static const char *purpose(const struct asked *asked, const char *what, char out[96])
{
    snprintf(out, 96, "%s/%.63s", what, asked->truth.key);
    return out;
}

static const char *pick_wording(const struct asked *asked, enum kj_sim_phrase phrase)
{
    char what[96];
    const char *const *all = kj_sim_phrases[phrase][asked->plan->spoken];
    if (asked->plan->forced)
        return all[0];
    return all[kj_sim_range(asked->dice, purpose(asked, "words", what), 0, 0, SIM_WORDINGS - 1)];
}

const char *kj_sim_question(const struct kj_sim_plan *plan, const struct kejue_host *host,
                            int index)
{
    char path[64];
    snprintf(path, sizeof path, "questions.%d.text", index);
    return host->text(plan->request, path, "");
}

static void capitalise(char *text)
{
    if (*text >= 'a' && *text <= 'z')
        *text = (char)(*text - 'a' + 'A');
}

static void say_boolean(struct asked *asked, struct kj_sim_text *words)
{
    char what[96];
    double yes = 0.35 + 0.15 * (double)asked->plan->callee.interest;
    asked->truth.integer = kj_sim_chance(&asked->lead, purpose(asked, "answer", what), 0, yes);
    kj_sim_add(words, pick_wording(asked, asked->truth.integer ? SAY_YES : SAY_NO));
}

// Round numbers, as people say them: two significant places of the span.
static int64_t round_number(int64_t value, int64_t low, int64_t high)
{
    int64_t step = 1;
    while ((high - low) / step >= 200)
        step *= 10;
    int64_t rounded = value / step * step;
    return rounded < low ? low : rounded > high ? high : rounded;
}

static void say_integer(struct asked *asked, struct kj_sim_text *words)
{
    char what[96], digits[32], path[128];
    struct kejue_doc request = asked->plan->request;
    const int64_t most = INT64_C(1000000000000);
    int64_t low = asked->host->integer(request, path_of(asked, "min", path), 0);
    low = low < -most ? -most : low > most ? most : low;
    int64_t high = asked->host->integer(request, path_of(asked, "max", path), low + 100);
    high = high < low ? low : high > most ? most : high;
    int64_t value = kj_sim_range(&asked->lead, purpose(asked, "answer", what), 0, low, high);
    value = round_number(value, low, high);
    asked->truth.integer = value;
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    bool in_words = value >= 0 && value <= 20 &&
                    kj_sim_chance(asked->dice, purpose(asked, "in_words", what), 0, 0.5);
    if (value > 3)
        kj_sim_add(words, pick_wording(asked, SAY_ABOUT));
    kj_sim_add(words, in_words ? kj_sim_small_numbers[asked->plan->spoken][value] : digits);
    kj_sim_add(words, ".");
}

static void say_number(struct asked *asked, struct kj_sim_text *words)
{
    char what[96], digits[48], path[128];
    struct kejue_doc request = asked->plan->request;
    double low = asked->host->real(request, path_of(asked, "min", path), 0);
    double high = asked->host->real(request, path_of(asked, "max", path), low + 10);
    double unit = kj_sim_unit(&asked->lead, purpose(asked, "answer", what), 0);
    double value = floor((low + (high - low) * unit) * 10.0) / 10.0;
    value = value < low ? low : value;
    snprintf(digits, sizeof digits, "%.1f", value);
    asked->truth.real = strtod(digits, NULL);
    char *point = strchr(digits, '.');
    if (point && asked->plan->spoken != SIM_EN)
        *point = ','; // as German and Spanish write it
    kj_sim_add(words, pick_wording(asked, SAY_ABOUT));
    kj_sim_add(words, digits);
    kj_sim_add(words, ".");
}

static void say_string(struct asked *asked, struct kj_sim_text *words)
{
    char what[96];
    bool city = strstr(asked->truth.key, "city") || strstr(asked->truth.key, "location") ||
                strstr(asked->truth.key, "town");
    int64_t nth = kj_sim_range(&asked->lead, purpose(asked, "answer", what), 0, 0, 7);
    enum kj_sim_language spoken = asked->plan->spoken;
    const char *phrase = city ? kj_sim_cities[spoken][nth] : kj_sim_things[spoken][nth];
    kj_sim_copy(asked->truth.text, sizeof asked->truth.text, phrase);
    capitalise(asked->truth.text);
    kj_sim_add(words, asked->truth.text);
    kj_sim_add(words, ".");
}

struct nth_value {
    int64_t left;
    const char *text;
};

static int count_value(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    (void)key;
    (void)child;
    if (text)
        ++*(int64_t *)arg;
    return 0;
}

static int find_value(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    (void)key;
    (void)child;
    struct nth_value *nth = arg;
    if (text && nth->left-- == 0)
        nth->text = text;
    return nth->text != NULL;
}

// labels.VALUE.LANGUAGE, labels.LANGUAGE.VALUE, labels.VALUE, else the value without underscores.
static void label_of(const struct asked *asked, const char *value, char out[128])
{
    const char *language = kj_sim_language_names[asked->plan->spoken];
    char name[128];
    snprintf(name, sizeof name, "labels.%.60s.%s", value, language);
    const char *label = member(asked, name);
    if (!*label) {
        snprintf(name, sizeof name, "labels.%s.%.60s", language, value);
        label = member(asked, name);
    }
    if (!*label) {
        snprintf(name, sizeof name, "labels.%.60s", value);
        label = member(asked, name);
    }
    kj_sim_copy(out, 128, *label ? label : value);
    for (char *at = out; !*label && *at; at++)
        if (*at == '_')
            *at = ' ';
}

static bool say_enum(struct asked *asked, struct kj_sim_text *words)
{
    char what[96], path[128], label[128];
    struct kejue_doc request = asked->plan->request;
    int64_t count = 0;
    asked->host->each(request, path_of(asked, "values", path), count_value, &count);
    if (count == 0)
        return false;
    struct nth_value nth = {0};
    nth.left = kj_sim_range(&asked->lead, purpose(asked, "answer", what), 0, 0, count - 1);
    asked->host->each(request, path_of(asked, "values", path), find_value, &nth);
    kj_sim_copy(asked->truth.text, sizeof asked->truth.text, nth.text);
    label_of(asked, nth.text, label);
    int64_t form =
        asked->plan->forced ? 0 : kj_sim_range(asked->dice, purpose(asked, "words", what), 0, 0, 2);
    kj_sim_add(words, k_choices[asked->plan->spoken][form][0]);
    kj_sim_add(words, label);
    kj_sim_add(words, k_choices[asked->plan->spoken][form][1]);
    return true;
}

static void say_date(struct asked *asked, struct kj_sim_text *words)
{
    static const char *const k_forms[SIM_LANGUAGE_COUNT] = {"On %d %s %d.", "Am %d. %s %d.",
                                                            "El %d de %s de %d."};
    char what[96], text[128];
    const struct kj_sim_local *now = &asked->plan->local;
    struct kj_sim_local day;
    int64_t days = kj_sim_days(now->year, now->month, now->day);
    days += kj_sim_range(&asked->lead, purpose(asked, "answer", what), 0, 5, 120);
    kj_sim_local(days * 86400000, 0, &day);
    enum kj_sim_language spoken = asked->plan->spoken;
    const char *month = kj_sim_months[spoken][day.month - 1];
    snprintf(asked->truth.text, sizeof asked->truth.text, "%04d-%02d-%02d", day.year % 10000,
             day.month, day.day);
    snprintf(text, sizeof text, k_forms[spoken], day.day, month, day.year);
    kj_sim_add(words, text);
}

static bool say(struct asked *asked, const char *type, struct kj_sim_text *words)
{
    static const struct {
        const char *name;
        enum kj_sim_kind kind;
        void (*say)(struct asked *asked, struct kj_sim_text *words);
    } k_types[] = {
        {"boolean", SIM_BOOLEAN, say_boolean}, {"integer", SIM_INTEGER, say_integer},
        {"number", SIM_NUMBER, say_number},    {"string", SIM_STRING, say_string},
        {"date", SIM_DATE, say_date},
    };
    for (size_t i = 0; i < sizeof k_types / sizeof *k_types; i++)
        if (strcmp(type, k_types[i].name) == 0) {
            asked->truth.kind = k_types[i].kind;
            k_types[i].say(asked, words);
            return true;
        }
    asked->truth.kind = SIM_ENUM;
    return strcmp(type, "enum") == 0 && say_enum(asked, words);
}

static double vagueness(const struct kj_sim_plan *plan)
{
    if (plan->patient)
        return 0;
    if (plan->persona == SIM_SCEPTICAL)
        return 0.35;
    return plan->persona == SIM_BUSY_PERSON || plan->persona == SIM_ASKS_ROBOT ? 0.15 : 0.05;
}

void kj_sim_answer(const struct kj_sim_dice *dice, struct kj_sim_plan *plan, int index,
                   struct kj_sim_text *words)
{
    char what[96];
    struct asked asked = {dice, kj_sim_of_number(dice), plan, dice->rules->host, index};
    kj_sim_copy(asked.truth.key, sizeof asked.truth.key, member(&asked, "key"));
    asked.truth.turn = plan->turn_count;
    bool vague = kj_sim_chance(&asked.lead, purpose(&asked, "vague", what), 0, vagueness(plan));
    const char *type = member(&asked, "type");
    size_t start = words->length;
    if (vague || !say(&asked, *type ? type : "string", words)) {
        kj_sim_add(words, pick_wording(&asked, SAY_VAGUE));
        return;
    }
    capitalise(words->data + start);
    if (!*asked.truth.key)
        return;
    plan->truths = kj_sim_realloc(plan->truths, (plan->truth_count + 1) * sizeof *plan->truths);
    plan->truths[plan->truth_count++] = asked.truth;
}
