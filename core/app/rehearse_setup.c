// The world of a rehearsal: kejued's own configuration, but with a store in memory, and of all
// plugins only the carrier that reaches nobody. What is assumed stands in the answer.
#include "app/rehearse.h"

#include "base/alloc.h"

// Shares of a cold list of consumers, as the simulated carrier has them (plugins/telephony); given
// in full, so that what the answer names as assumed is what was used.
static const struct {
    const char *name;
    double share;
} k_mix[] = {{"human", 24},  {"voicemail", 42},  {"no_answer", 19},
             {"busy", 4},    {"rejected", 4},    {"invalid_number", 3},
             {"blocked", 2}, {"unreachable", 1}, {"carrier_error", 1}};

enum { k_lines = 50, k_dials_per_second = 5 };

// The carrier of kejue.conf when it is a simulated one: its faults and numbers that decide.
static bool configured_carrier(const bson_t *config, bson_t *carrier)
{
    bson_t plugins;
    bson_iter_t at;
    if (!kj_doc_child(config, "plugins", &plugins) || !bson_iter_init(&at, &plugins))
        return false;
    while (bson_iter_next(&at)) {
        bson_t section;
        if (kj_doc_at(&at, &section) &&
            kj_streq(kj_doc_text(&section, "plugin", ""), "telephony") &&
            kj_doc_child(&section, "config", carrier))
            return true;
    }
    return false;
}

static void put_mix(const bson_t *given, const bson_t *carrier, bson_t *to)
{
    bson_t mix = BSON_INITIALIZER, view;
    if (kj_doc_child(given, "mix", &view) || kj_doc_child(carrier, "mix", &view)) {
        kj_doc_put_doc(to, "mix", &view);
    } else {
        for (size_t i = 0; i < KJ_COUNT(k_mix); i++)
            kj_doc_put_real(&mix, k_mix[i].name, k_mix[i].share);
        kj_doc_put_doc(to, "mix", &mix);
    }
    bson_destroy(&mix);
}

// {mix, answer_by_hour?, talk_factor, price_per_minute, currency, lines, dials_per_second, notes}.
static bson_t *assume(const bson_t *given, const bson_t *config, const bson_t *carrier)
{
    static const char *const k_notes[] = {
        "nobody was called; the carrier is simulated",
        "the lines are this campaign's alone",
        "no model is asked: success is judged by what code finds in the transcripts",
        "hooks do not run; messages and CRM updates are counted, not sent",
        "every started minute of talk is paid, voicemail's too",
    };
    bson_t *assumed = bson_new(), notes = BSON_INITIALIZER;
    struct kj_doc_list list = {&notes};
    put_mix(given, carrier, assumed);
    kj_doc_put_from(assumed, "answer_by_hour", given, "answer_by_hour");
    kj_doc_put_real(assumed, "talk_factor", kj_doc_real(given, "talk_factor", 1));
    kj_doc_put_real(assumed, "price_per_minute", kj_doc_real(given, "price_per_minute", 0.03));
    kj_doc_put_text(assumed, "currency", kj_doc_text(given, "currency", "EUR"));
    int64_t lines = kj_doc_int(config, "trunk.max_calls", k_lines);
    int64_t dials = kj_doc_int(config, "trunk.dials_per_second", k_dials_per_second);
    kj_doc_put_int(assumed, "lines", kj_doc_int(given, "lines", lines > 0 ? lines : k_lines));
    kj_doc_put_int(assumed, "dials_per_second",
                   kj_doc_int(given, "dials_per_second", dials > 0 ? dials : k_dials_per_second));
    for (size_t i = 0; i < KJ_COUNT(k_notes); i++)
        kj_doc_put_text(&notes, kj_doc_next(&list), k_notes[i]);
    kj_doc_put_array(assumed, "notes", &notes);
    bson_destroy(&notes);
    return assumed;
}

static void put_carrier(const bson_t *carrier, const bson_t *assumed, bson_t *config)
{
    bson_t own = BSON_INITIALIZER, section = BSON_INITIALIZER, array = BSON_INITIALIZER;
    kj_doc_put_text(&own, "driver", "simulated");
    // What comes of a call stands in its last report; each other one is a read and a write more.
    kj_doc_put_text(&own, "reports", "end");
    kj_doc_put_from(&own, "force_by_suffix", carrier, "force_by_suffix");
    kj_doc_put_from(&own, "faults", carrier, "faults");
    kj_doc_put_from(&own, "max_lines", carrier, "max_lines");
    kj_doc_put_from(&own, "mix", assumed, "mix");
    kj_doc_put_from(&own, "hours", assumed, "answer_by_hour");
    kj_doc_put_from(&own, "talk_factor", assumed, "talk_factor");
    kj_doc_put_text(&section, "instance", "telephony");
    kj_doc_put_text(&section, "plugin", "telephony");
    kj_doc_put_doc(&section, "config", &own);
    kj_doc_put_doc(&array, "0", &section);
    kj_doc_put_array(config, "plugins", &array);
    bson_destroy(&array);
    bson_destroy(&section);
    bson_destroy(&own);
}

bson_t *kj_rehearsal_config(const bson_t *setup, bson_t **assumptions)
{
    bson_t given, real, carrier, empty = BSON_INITIALIZER;
    bson_t *config = bson_new(), store = BSON_INITIALIZER, trunk = BSON_INITIALIZER;
    if (!kj_doc_child(setup, "assumptions", &given))
        bson_init_static(&given, bson_get_data(&empty), empty.len);
    if (!kj_doc_child(setup, "config", &real))
        bson_init_static(&real, bson_get_data(&empty), empty.len);
    if (!configured_carrier(&real, &carrier))
        bson_init_static(&carrier, bson_get_data(&empty), empty.len);
    *assumptions = assume(&given, &real, &carrier);
    kj_doc_put_from(config, "default_country", &real, "default_country");
    kj_doc_put_text(&store, "type", "memory");
    kj_doc_put_doc(config, "store", &store);
    kj_doc_put_from(&trunk, "max_calls", *assumptions, "lines");
    kj_doc_put_from(&trunk, "dials_per_second", *assumptions, "dials_per_second");
    kj_doc_put_doc(config, "trunk", &trunk);
    put_carrier(&carrier, *assumptions, config);
    bson_destroy(&trunk);
    bson_destroy(&store);
    bson_destroy(&empty);
    return config;
}
