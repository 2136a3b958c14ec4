// Whole conversations: refusal, callback over several turns, evidence.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/alloc.h"
#include "base/str.h"
#include "doc/json.h"
#include "model/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// "a:" the assistant, "l:" the lead, "h:" a human agent; lines parted by '|'.
static void talk(const char *lines, bson_t *transcript)
{
    struct kj_doc_list list = {.array = transcript};
    bson_init(transcript);
    while (*lines) {
        size_t length = strcspn(lines, "|");
        char text[512];
        bson_t turn = BSON_INITIALIZER;
        snprintf(text, sizeof text, "%.*s", (int)length - 2, lines + 2);
        kj_doc_put_text(&turn, "speaker",
                        lines[0] == 'l'   ? "lead"
                        : lines[0] == 'a' ? "assistant"
                                          : "agent");
        kj_doc_put_text(&turn, "text", text);
        kj_doc_put_doc(transcript, kj_doc_next(&list), &turn);
        bson_destroy(&turn);
        lines += length + (lines[length] == '|');
    }
}

// Now is Wednesday 2026-07-01, 10:00 in Berlin.
static const int64_t k_now = 1782892800000;

static void facts_of(const char *lines, const char *language, bson_t *facts)
{
    bson_t transcript;
    talk(lines, &transcript);
    bson_init(facts);
    kj_facts_from_transcript(&transcript, language, kj_zone_get("Europe/Berlin"), k_now, facts);
    int turn = (int)kj_doc_int(facts, "opt_out.turn", 0) - 1;
    if (turn >= 0) // code finds its own evidence again
        assert_int_equal(kj_quote_find(&transcript, kj_doc_text(facts, "opt_out.quote", ""), turn),
                         turn);
    turn = (int)kj_doc_int(facts, "callback.turn", 0) - 1;
    if (turn >= 0)
        assert_int_equal(kj_quote_find(&transcript, kj_doc_text(facts, "callback.quote", ""), turn),
                         turn);
    bson_destroy(&transcript);
}

static void check_opt_out(const char *lines, const char *language, int turn)
{
    bson_t facts;
    facts_of(lines, language, &facts);
    assert_true(kj_doc_has(&facts, "opt_out.asked"));
    if (kj_doc_bool(&facts, "opt_out.asked", false) != (turn >= 0) ||
        kj_doc_int(&facts, "opt_out.turn", 0) - 1 != turn)
        fail_msg("%s: turn %d", lines, (int)kj_doc_int(&facts, "opt_out.turn", -1));
    bson_destroy(&facts);
}

static void test_opt_out(void **state)
{
    (void)state;
    check_opt_out("a:Hello, this is Anna|l:Stop calling me!", "en", 1);
    check_opt_out(
        "a:Hello|l:Yes?|a:We have an offer|l:No. Please remove me from your list.|a:I will.", "en",
        3);
    check_opt_out("a:Guten Tag|l:Rufen Sie hier nie wieder an", "German", 1);
    check_opt_out("a:Guten Tag|l:Stop calling me", "de", 1);
    check_opt_out("a:Guten Tag|l:Stop calling me", "xx", 1);
    check_opt_out("a:Hello|l:Stop calling me", NULL, 1);
    // only what the lead said
    check_opt_out("a:If you want us to stop calling you, say stop calling me|l:No, it is fine",
                  "en", -1);
    check_opt_out("h:Stop calling me|l:What?", "en", -1);
    check_opt_out("a:Hello|l:Don't stop calling, I was away", "en", -1);
    check_opt_out("", "en", -1);
}

static void test_dtmf(void **state)
{
    bson_t transcript, facts = BSON_INITIALIZER, turn = BSON_INITIALIZER;
    (void)state;
    bson_init(&transcript);
    kj_doc_put_text(&turn, "speaker", "lead");
    kj_doc_put_text(&turn, "dtmf", "9");
    kj_doc_put_doc(&transcript, "0", &turn);
    kj_facts_from_transcript(&transcript, "de", NULL, k_now, &facts);
    assert_true(kj_doc_bool(&facts, "opt_out.asked", false));
    assert_string_equal(kj_doc_text(&facts, "opt_out.quote", ""), "DTMF 9");
    bson_destroy(&transcript);
    bson_destroy(&facts);
    bson_destroy(&turn);
    check_opt_out("a:Press 9 for no more calls|l:DTMF 9", "de", 1);
    check_opt_out("a:Press 1 to speak to us|l:DTMF 1", "de", -1);
}

static void check_callback(const char *lines, const char *language, const char *want, int turn)
{
    bson_t facts;
    char got[96] = "none";
    facts_of(lines, language, &facts);
    if (kj_doc_has(&facts, "callback")) {
        struct kj_civil a, b;
        kj_copy(got, sizeof got, kj_doc_text(&facts, "callback.state", ""));
        if (strcmp(got, "ok") == 0) {
            const struct kj_zone *zone = kj_zone_get("Europe/Berlin");
            kj_zone_local(zone, kj_doc_time(&facts, "callback.earliest_at", 0), &a);
            kj_zone_local(zone, kj_doc_time(&facts, "callback.latest_at", 0), &b);
            snprintf(got, sizeof got, "%02d-%02d %02d:%02d-%02d:%02d", a.month, a.day, a.hour,
                     a.minute, b.hour, b.minute);
            assert_true(kj_doc_time(&facts, "callback.at", 0) ==
                        kj_doc_time(&facts, "callback.earliest_at", 1));
        } else
            assert_false(kj_doc_has(&facts, "callback.at"));
    }
    if (strcmp(got, want) != 0 || kj_doc_int(&facts, "callback.turn", 0) - 1 != turn)
        fail_msg("%s: %s, turn %d", lines, got, (int)kj_doc_int(&facts, "callback.turn", -1));
    bson_destroy(&facts);
}

static void test_callback(void **state)
{
    (void)state;
    check_callback("a:Hello|l:I'm in a meeting, call me tomorrow at two|a:I will", "en",
                   "07-02 14:00-14:00", 1);
    check_callback("a:When may I call you back?|l:Tomorrow morning", "en", "07-02 09:00-12:00", 1);
    check_callback("a:Hello|l:Can you call me back later?", "en", "ambiguous", 1);
    check_callback("a:Hello|l:Call me yesterday", "en", "invalid", 1);
    // a time is no wish by itself
    check_callback("a:When do you start work?|l:At nine, and on Friday at eight", "en", "none", -1);
    check_callback("a:Hello|l:I moved here in two thousand", "en", "none", -1);
    check_callback("a:Shall I call you back tomorrow at two?|l:No thanks", "en", "none", -1);
    // the halves come in two turns, in either order
    check_callback("a:Shall I call you back?|l:Yes, tomorrow|a:What time?|l:At two", "en",
                   "07-02 14:00-14:00", 3);
    check_callback("a:Shall I call back?|l:At two would be good|a:Today?|l:No, Friday", "en",
                   "07-03 14:00-14:00", 3);
    check_callback("a:Shall I call you back?|l:Next week|a:Which day?|l:On Tuesday at ten", "en",
                   "07-07 10:00-10:00", 3);
    check_callback("a:Shall I call you back?|l:Tomorrow at eight|a:In the morning or in the "
                   "evening?|l:In the evening",
                   "en", "07-02 18:00-21:00", 3);
    // a correction replaces what it names
    check_callback("l:Call me tomorrow at two|a:Tomorrow at two, good|l:No, at three", "en",
                   "07-02 15:00-15:00", 2);
    check_callback("l:Call me tomorrow at two|a:Fine|l:Thank you, goodbye", "en",
                   "07-02 14:00-14:00", 0);
    check_callback("l:Call me tomorrow at two|a:Shall I call your mobile?|l:Later is fine too",
                   "en", "07-02 14:00-14:00", 0);
    // long talk about other times does not
    check_callback("l:Call me tomorrow at two|a:Good. How is work?|l:I work from nine to five and "
                   "on Fridays until noon you know",
                   "en", "07-02 14:00-14:00", 0);
    check_callback("a:Guten Tag|l:Rufen Sie mich bitte morgen um halb drei zurück", "de",
                   "07-02 14:30-14:30", 1);
    check_callback("a:Wann passt es Ihnen?|l:Übermorgen Nachmittag", "de", "07-03 14:00-18:00", 1);
    check_callback("a:Buenos días|l:Llámeme mañana a las dos", "es", "07-02 14:00-14:00", 1);
    check_callback("a:Dzień dobry|l:Proszę oddzwonić jutro o wpół do trzeciej", "pl",
                   "07-02 14:30-14:30", 1);
    check_callback("a:Kiedy mogę zadzwonić?|l:Pojutrze po południu", "pl", "07-03 14:00-18:00", 1);
    check_callback("a:مرحبا|l:اتصل بي غداً الساعة الثانية والنصف", "ar", "07-02 14:30-14:30", 1);
    check_callback("a:متى يناسبك أن نتصل؟|l:بعد غد، بعد الظهر", "ar", "07-03 14:00-18:00", 1);
    check_callback("a:नमस्ते|l:मुझे कल ढाई बजे फ़ोन करें।", "hi", "07-02 14:30-14:30", 1);
    check_callback("a:मैं कब कॉल करूँ?|l:परसों शाम को छह बजे", "hi", "07-03 18:00-18:00", 1);
    check_callback("a:Bonjour|l:Rappelez-moi demain", "fr", "none",
                   -1); // no grammar: left to the model
}

static void test_appointment(void **state)
{
    static const struct {
        const char *quote;
        int turn;
        const char *want; // "none", "wished", or with its time
        int at_turn;
    } k_rows[] = {
        {"Tomorrow at two", 2, "07-02 14:00", 2}, {"tomorrow, at TWO!", 2, "07-02 14:00", 2},
        {"Tomorrow at two", 7, "07-02 14:00", 2}, // named wrongly, but said
        {"tomorrow at three", 2, "none", 0},      // not said
        {"on Monday or Tuesday", 4, "wished", 4}, // two readings
        {"some morning", 4, "none", 0},           {"", 2, "none", 0},
    };
    const struct kj_zone *zone = kj_zone_get("Europe/Berlin");
    int64_t now;
    (void)state;
    assert_true(kj_time_parse("2026-07-01T08:00:00Z", &now));
    for (size_t i = 0; i < KJ_COUNT(k_rows); i++) {
        bson_t transcript, said = BSON_INITIALIZER, facts = BSON_INITIALIZER;
        char got[64] = "none";
        talk("a:When shall we come?|l:Tomorrow at two would suit me|a:Or later?|l:on Monday or "
             "Tuesday",
             &transcript);
        kj_doc_put_text(&said, "quote", k_rows[i].quote);
        kj_doc_put_int(&said, "turn", k_rows[i].turn);
        kj_doc_put_text(&said, "title", "a visit");
        kj_facts_appointment(&transcript, &said, "en", zone, now, &facts);
        if (kj_doc_has(&facts, "appointment.at")) {
            struct kj_civil at;
            kj_zone_local(zone, kj_doc_time(&facts, "appointment.at", 0), &at);
            snprintf(got, sizeof got, "%02d-%02d %02d:%02d", at.month, at.day, at.hour, at.minute);
        } else if (kj_doc_has(&facts, "appointment"))
            kj_copy(got, sizeof got, kj_doc_text(&facts, "appointment.state", ""));
        if (strcmp(got, k_rows[i].want) != 0 ||
            kj_doc_int(&facts, "appointment.turn", 0) != k_rows[i].at_turn)
            fail_msg("\"%s\": %s", k_rows[i].quote, got);
        bson_destroy(&transcript);
        bson_destroy(&said);
        bson_destroy(&facts);
    }
}

static void test_quotes(void **state)
{
    bson_t transcript;
    (void)state;
    talk("a:How many rooms?|l:About four thousand, I think.|a:Euros?|l:Yes: four-thousand "
         "EUROS!|l:Größe 38",
         &transcript);
    assert_int_equal(kj_quote_find(&transcript, "about four thousand", 1), 1);
    assert_int_equal(kj_quote_find(&transcript, "About, four  THOUSAND", -1), 1);
    assert_int_equal(kj_quote_find(&transcript, "four thousand", 3), 3);
    assert_int_equal(kj_quote_find(&transcript, "four thousand", -1), 1);
    assert_int_equal(kj_quote_find(&transcript, "four thousand", 0), 1); // named wrongly, but said
    assert_int_equal(kj_quote_find(&transcript, "four thousand", 99), 1);
    assert_int_equal(kj_quote_find(&transcript, "GRÖSSE: 38", 4), 4);
    assert_int_equal(kj_quote_find(&transcript, "grosse 38", 4), -1); // another word
    assert_int_equal(kj_quote_find(&transcript, "five thousand", 1), -1);
    assert_int_equal(kj_quote_find(&transcript, "thous", 1), -1); // whole words
    assert_int_equal(kj_quote_find(&transcript, "", 1), -1);
    assert_int_equal(kj_quote_find(&transcript, "...", 1), -1);
    bson_destroy(&transcript);
}

static void test_odd_transcripts(void **state)
{
    bson_t transcript = BSON_INITIALIZER, facts = BSON_INITIALIZER;
    char *text = kj_alloc(100001);
    (void)state;
    kj_doc_put_int(&transcript, "0", 4);
    kj_doc_put_text(&transcript, "1", "stop calling me");
    memset(text, 'a', 100000);
    bson_t turn = BSON_INITIALIZER;
    kj_doc_put_text(&turn, "speaker", "lead");
    kj_doc_put_text(&turn, "text", text);
    kj_doc_put_doc(&transcript, "2", &turn);
    kj_facts_from_transcript(&transcript, "en", NULL, k_now, &facts);
    assert_false(kj_doc_bool(&facts, "opt_out.asked", true));
    assert_false(kj_doc_has(&facts, "callback"));
    bson_destroy(&turn);
    bson_destroy(&facts);
    bson_destroy(&transcript);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opt_out),  cmocka_unit_test(test_dtmf),
        cmocka_unit_test(test_callback), cmocka_unit_test(test_appointment),
        cmocka_unit_test(test_quotes),   cmocka_unit_test(test_odd_transcripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
