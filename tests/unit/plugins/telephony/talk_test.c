// Each persona's call in each language, against the truth file and the schemas.
#include "sim_help.h"

struct talk {
    struct sim_files files;
    struct fake_host *host;
};

static int set_up(void **state)
{
    struct talk *talk = calloc(1, sizeof *talk);
    sim_files_init(&talk->files);
    talk->host = sim_open(&talk->files, ", \"force_by_suffix\": true");
    *state = talk;
    return 0;
}

static int tear_down(void **state)
{
    struct talk *talk = *state;
    fake_host_destroy(talk->host);
    sim_files_fini(&talk->files);
    free(talk);
    return 0;
}

// The ended event of a forced number.
static const bson_t *call(struct talk *talk, const char *suffix, const char *language)
{
    char id[32], to[32];
    snprintf(id, sizeof id, "%s-%s", suffix, language);
    snprintf(to, sizeof to, "+493023125%s", suffix);
    uint64_t op = sim_place(talk->host, id, to, 1, language);
    fake_host_run(talk->host, 3600000);
    assert_int_equal(fake_host_result(talk->host, op)->class_, KEJUE_OK);
    sim_check("verbs/telephony.place", "response", fake_host_result(talk->host, op)->doc);
    const struct fake_event *event = sim_last(talk->host, id);
    assert_non_null(event);
    assert_string_equal(event->name, "telephony.progress");
    sim_check("events/telephony.progress", "data", event->data);
    assert_string_equal(kj_doc_text(event->data, "state", ""), "ended");
    return event->data;
}

// The truth of an attempt; the caller destroys it.
static bson_t *truth(struct talk *talk, const char *id)
{
    char mark[64], *text = sim_read(talk->files.truth), *at = text;
    snprintf(mark, sizeof mark, "{\"attempt_id\":\"%s\"", id);
    while (at && strncmp(at, mark, strlen(mark)) != 0)
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    assert_non_null(at);
    *strchr(at, '\n') = 0;
    bson_t *doc = fake_json(at);
    free(text);
    return doc;
}

// Did this speaker say these words?
static bool said(const bson_t *call, const char *speaker, const char *words)
{
    size_t turns = kj_doc_count(call, "transcript");
    char path[64];
    for (size_t i = 0; i < turns; i++) {
        snprintf(path, sizeof path, "transcript.%zu.speaker", i);
        if (strcmp(kj_doc_text(call, path, ""), speaker) != 0)
            continue;
        snprintf(path, sizeof path, "transcript.%zu.text", i);
        if (strstr(kj_doc_text(call, path, ""), words))
            return true;
    }
    return false;
}

struct expected {
    const char *suffix, *language, *persona, *speaker, *words, *end_reason;
};

static const struct expected k_expected[] = {
    {"001", "en", "interested", "lead", "please send me the details", "assistant_hangup"},
    {"001", "de", "interested", "lead", "schicken Sie mir bitte die Unterlagen",
     "assistant_hangup"},
    {"001", "es", "interested", "lead", "envíeme los detalles", "assistant_hangup"},
    {"002", "en", "busy", "lead", "I have to go now", "callee_hangup"},
    {"002", "de", "busy", "lead", "ich muss jetzt los", "callee_hangup"},
    {"002", "es", "busy", "lead", "tengo que irme", "callee_hangup"},
    {"003", "en", "sceptical", "lead", "Where did you get my number?", "assistant_hangup"},
    {"003", "de", "sceptical", "lead", "Woher haben Sie meine Nummer?", "assistant_hangup"},
    {"003", "es", "sceptical", "lead", "¿De dónde ha sacado mi número?", "assistant_hangup"},
    {"004", "en", "wrong_person", "lead", "wrong number", "assistant_hangup"},
    {"004", "de", "wrong_person", "lead", "verwählt", "assistant_hangup"},
    {"004", "es", "wrong_person", "lead", "equivocado de número", "assistant_hangup"},
    {"005", "en", "angry_opt_out", "lead", "Stop calling me!", "opt_out"},
    {"005", "de", "angry_opt_out", "lead", "nie wieder an!", "opt_out"},
    {"005", "es", "angry_opt_out", "lead", "¡No me llame más!", "opt_out"},
    {"006", "en", "asks_robot", "assistant", "Yes, I am an AI assistant", "assistant_hangup"},
    {"006", "de", "asks_robot", "assistant", "Ja, ich bin ein KI-Assistent", "assistant_hangup"},
    {"006", "es", "asks_robot", "assistant", "Sí, soy un asistente de inteligencia artificial",
     "assistant_hangup"},
    {"007", "en", "silent", "assistant", "Can you hear me?", "silence_timeout"},
    {"007", "de", "silent", "assistant", "Können Sie mich hören?", "silence_timeout"},
    {"007", "es", "silent", "assistant", "¿Me oye?", "silence_timeout"},
    {"008", "en", "callback_tomorrow", "lead", "call me back tomorrow at two", "assistant_hangup"},
    {"008", "de", "callback_tomorrow", "lead", "morgen um zwei", "assistant_hangup"},
    {"008", "es", "callback_tomorrow", "lead", "mañana a las dos", "assistant_hangup"},
    {"009", "en", "noisy", "lead", "very loud here", "assistant_hangup"},
    {"009", "de", "noisy", "lead", "sehr laut hier", "assistant_hangup"},
    {"009", "es", "noisy", "lead", "mucho ruido", "assistant_hangup"},
    {"010", "en", "interrupter", "lead", "what is it about?", "assistant_hangup"},
    {"010", "de", "interrupter", "lead", "worum geht es denn?", "assistant_hangup"},
    {"010", "es", "interrupter", "lead", "¿de qué se trata?", "assistant_hangup"},
    {"011", "en", "other_language", "lead", "Ich spreche nur Deutsch", "assistant_hangup"},
    {"011", "de", "other_language", "lead", "Solo hablo español", "assistant_hangup"},
    {"011", "es", "other_language", "lead", "Ich spreche nur Deutsch", "assistant_hangup"},
};

static void each_persona_speaks_each_language(void **state)
{
    struct talk *talk = *state;
    for (size_t i = 0; i < sizeof k_expected / sizeof *k_expected; i++) {
        const struct expected *e = &k_expected[i];
        char id[32];
        const bson_t *ended = call(talk, e->suffix, e->language);
        assert_string_equal(kj_doc_text(ended, "disposition", ""), "completed");
        assert_string_equal(kj_doc_text(ended, "end_reason", ""), e->end_reason);
        if (!said(ended, e->speaker, e->words))
            fail_msg("%s %s: nobody said \"%s\"", e->persona, e->language, e->words);
        snprintf(id, sizeof id, "%s-%s", e->suffix, e->language);
        bson_t *real = truth(talk, id);
        assert_string_equal(kj_doc_text(real, "persona", ""), e->persona);
        assert_string_equal(kj_doc_text(real, "answered_by", ""), "human");
        assert_true(kj_doc_bool(real, "simulated", false));
        bool opts_out = strcmp(e->suffix, "005") == 0;
        assert_int_equal(kj_doc_bool(real, "opt_out", !opts_out), opts_out);
        bool silent = strcmp(e->suffix, "007") == 0;
        assert_int_equal(kj_doc_bool(real, "reached", silent), !silent);
        bson_destroy(real);
    }
}

// The lead's turn right after the turn that holds the question.
static const char *answer_to(const bson_t *call, const char *question)
{
    size_t turns = kj_doc_count(call, "transcript");
    char path[64];
    for (size_t i = 0; i + 1 < turns; i++) {
        snprintf(path, sizeof path, "transcript.%zu.text", i);
        if (!strstr(kj_doc_text(call, path, ""), question))
            continue;
        snprintf(path, sizeof path, "transcript.%zu.speaker", i + 1);
        assert_string_equal(kj_doc_text(call, path, ""), "lead");
        snprintf(path, sizeof path, "transcript.%zu.text", i + 1);
        return kj_doc_text(call, path, "");
    }
    return NULL;
}

static void answers_stand_in_the_next_turn_and_are_true(void **state)
{
    static const char *const personas[] = {"001", "003", "006", "009", "010"};
    static const char *const languages[] = {"en", "de", "es"};
    static const char *const yes[] = {"Yes", "Ja", "Sí"}, *const no[] = {"No", "Nein", "No"};
    struct talk *talk = *state;
    for (size_t p = 0; p < 5; p++)
        for (size_t l = 0; l < 3; l++) {
            char id[32], digits[32];
            const bson_t *ended = call(talk, personas[p], languages[l]);
            snprintf(id, sizeof id, "%s-%s", personas[p], languages[l]);
            bson_t *real = truth(talk, id);
            assert_int_equal(kj_doc_count(real, "variables"), 7);
            bool owner = kj_doc_bool(real, "variables.owner", false);
            assert_non_null(strstr(answer_to(ended, "Q1 owner?"), owner ? yes[l] : no[l]));
            int64_t budget = kj_doc_int(real, "variables.budget", -1);
            assert_in_range(budget, 1000, 50000);
            snprintf(digits, sizeof digits, "%lld", (long long)budget);
            assert_non_null(strstr(answer_to(ended, "Q2 budget?"), digits));
            assert_in_range(kj_doc_int(real, "variables.rooms", -1), 1, 9);
            bool flat = strcmp(kj_doc_text(real, "variables.roof", ""), "flat_roof") == 0;
            const char *labels[] = {"a pitched one", "ein Satteldach", "uno inclinado"};
            assert_non_null(strstr(answer_to(ended, "Q4 roof?"), flat ? "flat roof" : labels[l]));
            const char *wish = kj_doc_text(real, "variables.wish", NULL);
            assert_non_null(strstr(answer_to(ended, "Q5 wish?"), wish));
            double area = kj_doc_real(real, "variables.area", 0);
            assert_true(area >= 2.5 && area <= 9.5);
            const char *move = kj_doc_text(real, "variables.move", "");
            assert_int_equal(strlen(move), 10);
            snprintf(digits, sizeof digits, "%d", atoi(move + 8)); // the day as it is spoken
            assert_non_null(strstr(answer_to(ended, "Q7 move?"), digits));
            bson_destroy(real);
        }
}

static void wishes_are_in_the_truth(void **state)
{
    struct talk *talk = *state; // Monday, 2 March 2026
    call(talk, "008", "de");
    bson_t *real = truth(talk, "008-de");
    assert_true(kj_doc_bool(real, "callback_wished", false));
    assert_string_equal(kj_doc_text(real, "callback_at", ""), "2026-03-03T14:00");
    assert_string_equal(kj_doc_text(real, "callback_date", ""), "2026-03-03");
    bson_destroy(real);
    const bson_t *ended = call(talk, "012", "es");
    assert_true(said(ended, "lead", "el martes a las tres"));
    assert_true(said(ended, "assistant", "He anotado el martes a las tres"));
    real = truth(talk, "012-es");
    assert_string_equal(kj_doc_text(real, "appointment_at", ""), "2026-03-03T15:00");
    bson_destroy(real);
}

static void the_first_message_is_said_as_it_is(void **state)
{
    struct talk *talk = *state;
    fake_host_start(talk->host, "telephony.place",
                    "{\"attempt_id\": \"f\", \"to\": \"+493023125001\", \"first_message\": "
                    "\"Hi { name}, an AI here.\"}");
    fake_host_run(talk->host, 3600000);
    const bson_t *ended = sim_last(talk->host, "f")->data;
    assert_true(said(ended, "assistant", "Hi { name}, an AI here."));
    // Without one, and without a company, it still says what it is.
    fake_host_start(talk->host, "telephony.place",
                    "{\"attempt_id\": \"g\", \"to\": \"+493023125001\", \"language\": \"fr-FR\"}");
    fake_host_run(talk->host, 3600000);
    ended = sim_last(talk->host, "g")->data;
    assert_true(said(ended, "assistant", "Hello, this is the AI assistant of our company."));
}

static void a_short_limit_ends_the_call(void **state)
{
    struct talk *talk = *state;
    fake_host_start(talk->host, "telephony.place",
                    "{\"attempt_id\": \"m\", \"to\": \"+493023125005\", "
                    "\"max_duration_seconds\": 8}");
    fake_host_run(talk->host, 3600000);
    const bson_t *ended = sim_last(talk->host, "m")->data;
    assert_string_equal(kj_doc_text(ended, "end_reason", ""), "max_duration");
    assert_int_equal(kj_doc_int(ended, "duration_ms", 0), 8000);
    size_t turns = kj_doc_count(ended, "transcript");
    char path[64];
    snprintf(path, sizeof path, "transcript.%zu.end_ms", turns - 1);
    assert_in_range(kj_doc_int(ended, path, 0), 1, 8000);
    // The refusal was never spoken, so it is not true either.
    bson_t *real = truth(talk, "m");
    assert_false(kj_doc_bool(real, "opt_out", true));
    bson_destroy(real);
}

static void calls_that_nobody_answers(void **state)
{
    static const struct {
        const char *suffix, *disposition;
        int code;
        bool rings;
    } rows[] = {
        {"020", "voicemail", 200, true},    {"021", "busy", 486, false},
        {"022", "no_answer", 480, true},    {"023", "rejected", 603, true},
        {"024", "blocked", 608, false},     {"025", "invalid_number", 404, false},
        {"026", "unreachable", 480, false}, {"027", "carrier_error", 503, false},
    };
    struct talk *talk = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bson_t *ended = call(talk, rows[i].suffix, "en");
        assert_string_equal(kj_doc_text(ended, "disposition", ""), rows[i].disposition);
        assert_int_equal(kj_doc_int(ended, "raw.code", 0), rows[i].code);
        assert_int_equal(kj_doc_int(ended, "ring_ms", 0) > 0, rows[i].rings);
        bool box = i == 0;
        assert_int_equal(kj_doc_has(ended, "transcript"), box);
        assert_int_equal(kj_doc_int(ended, "cost.amount_micros", -1) > 0, box);
    }
    const bson_t *ended = sim_last(talk->host, "022-en")->data;
    assert_int_equal(kj_doc_int(ended, "ring_ms", 0), 30000); // the default
    ended = sim_last(talk->host, "020-en")->data;
    assert_string_equal(kj_doc_text(ended, "answered_by", ""), "machine");
    assert_string_equal(kj_doc_text(ended, "end_reason", ""), "voicemail_policy");
    bson_t *real = truth(talk, "020-en");
    assert_false(kj_doc_bool(real, "reached", true));
    assert_false(kj_doc_has(real, "persona"));
    bson_destroy(real);
}

static void who_hurries_hangs_up_within_five_seconds(void **state)
{
    struct talk *talk = *state;
    const bson_t *ended = call(talk, "013", "en");
    assert_in_range(kj_doc_int(ended, "duration_ms", 0), 1000, 5000);
    assert_string_equal(kj_doc_text(ended, "end_reason", ""), "callee_hangup");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_persona_speaks_each_language, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_stand_in_the_next_turn_and_are_true, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(wishes_are_in_the_truth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_message_is_said_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_short_limit_ends_the_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_that_nobody_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_hurries_hangs_up_within_five_seconds, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
