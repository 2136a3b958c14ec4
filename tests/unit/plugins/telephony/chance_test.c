// The same seed gives the same bytes, in any order; and over many numbers the mix comes out.
#include "sim_help.h"

static const char *const k_countries[] = {"+4930231", "+1212555",  "+34915550",
                                          "+4420794", "+61255501", "+9198555"};

static void number_of(int i, char to[32])
{
    snprintf(to, 32, "%s%05d", k_countries[i % 6], i);
}

// Runs `count` calls, in order or backwards; the truth file's lines sorted by number.
static char *run(int count, bool backwards, uint64_t seed, struct sim_files *files)
{
    struct fake_host *host = sim_open_at(files, "", seed, 0);
    for (int n = 0; n < count; n++) {
        char id[32], to[32];
        int i = backwards ? count - 1 - n : n;
        snprintf(id, sizeof id, "a%d", i);
        number_of(i, to);
        sim_place(host, id, to, 1 + i % 3, i % 2 ? "de" : "en");
    }
    fake_host_run(host, 3600000);
    struct kj_buf all;
    kj_buf_init(&all, 0);
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "a%d", i);
        kj_buf_adds(&all, sim_last(host, id)->json);
        kj_buf_addc(&all, '\n');
    }
    assert_int_equal(fake_host_open_count(host), 0);
    fake_host_destroy(host);
    return kj_buf_take(&all);
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct sim_files files[4];
    char *runs[4], *truths[4], *rings[4];
    for (int i = 0; i < 4; i++) {
        sim_files_init(&files[i]);
        runs[i] = run(200, i == 2, i == 3 ? 2 : 1, &files[i]);
        truths[i] = sim_read(files[i].truth);
        rings[i] = sim_read(files[i].ring);
    }
    assert_string_equal(runs[0], runs[1]);
    assert_string_equal(truths[0], truths[1]);
    assert_string_equal(rings[0], rings[1]);
    assert_string_equal(runs[0], runs[2]);     // another order
    assert_string_not_equal(runs[0], runs[3]); // another seed
    for (int i = 0; i < 4; i++) {
        free(runs[i]);
        free(truths[i]);
        free(rings[i]);
        sim_files_fini(&files[i]);
    }
}

// Percent of `disposition` among the ended events of a host.
static double share(const struct fake_host *host, const char *disposition)
{
    size_t ended = 0, hits = 0;
    for (size_t i = 0; i < fake_host_event_count(host); i++) {
        const bson_t *data = fake_host_event(host, i)->data;
        const char *found = kj_doc_text(data, "disposition", NULL);
        ended += found != NULL;
        hits += found && strcmp(found, disposition) == 0;
    }
    assert_true(ended > 0);
    return 100.0 * (double)hits / (double)ended;
}

static void near(const struct fake_host *host, const char *disposition, double want, double within)
{
    double got = share(host, disposition);
    if (got < want - within || got > want + within)
        fail_msg("%s: %.1f %%, wanted %.1f +- %.1f", disposition, got, want, within);
}

// German numbers, all called at one instant.
static struct fake_host *call_many(const struct sim_files *files, int count, const char *more,
                                   int64_t at)
{
    struct fake_host *host = sim_open_at(files, more, 7, at);
    for (int i = 0; i < count; i++) {
        char request[128];
        snprintf(request, sizeof request,
                 "{\"attempt_id\": \"%d\", \"to\": \"+49302312%05d\", \"language\": \"de\"}", i, i);
        fake_host_start(host, "telephony.place", request);
    }
    fake_host_run(host, 3600000);
    return host;
}

static void the_mix_comes_out(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    // Monday 17:00 UTC: 18:00 in Germany, when many are at home.
    struct fake_host *host = call_many(&files, 10000, "", INT64_C(1772470800000));
    near(host, "completed", 27, 5);
    near(host, "voicemail", 38, 6);
    near(host, "no_answer", 19, 5);
    near(host, "busy", 4, 1.5);
    near(host, "rejected", 4, 1.5);
    near(host, "invalid_number", 3, 1);
    near(host, "blocked", 2, 1);
    near(host, "unreachable", 1, 0.7);
    near(host, "carrier_error", 1, 0.7);
    double evening = share(host, "completed");
    assert_int_equal(sim_lines(files.ring), 10000);
    assert_int_equal(sim_lines(files.truth), 10000);
    fake_host_destroy(host);
    sim_files_fini(&files);
    // At three in the morning hardly anybody answers.
    sim_files_init(&files);
    host = call_many(&files, 3000, "", INT64_C(1772416800000));
    assert_true(share(host, "completed") < evening / 2);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void a_configured_mix_is_whole(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host =
        call_many(&files, 3000, ", \"mix\": {\"busy\": 30, \"rejected\": 70}", 0);
    near(host, "busy", 30, 2);
    near(host, "rejected", 70, 2);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

// A person stays a person: the same line type, the same answers, at every attempt.
static void retries_meet_the_same_person(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = sim_open(&files, ", \"mix\": {\"human\": 10, \"invalid_number\": 2}");
    int invalid = 0, compared = 0;
    for (int i = 0; i < 200; i++) {
        char to[32], id[2][32];
        number_of(i, to);
        for (int attempt = 1; attempt <= 2; attempt++) {
            snprintf(id[attempt - 1], 32, "%d-%d", i, attempt);
            sim_place(host, id[attempt - 1], to, attempt, "en");
            fake_host_run(host, 3600000);
        }
        const bson_t *first = sim_last(host, id[0])->data, *second = sim_last(host, id[1])->data;
        bool gone = strcmp(kj_doc_text(first, "disposition", ""), "invalid_number") == 0;
        invalid += gone;
        if (gone)
            assert_string_equal(kj_doc_text(second, "disposition", ""), "invalid_number");
    }
    assert_in_range(invalid, 10, 60);
    char *text = sim_read(files.truth);
    bson_t *before = NULL;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        bson_t *now = fake_json(line);
        bool pair =
            before && strcmp(kj_doc_text(before, "to", ""), kj_doc_text(now, "to", "")) == 0;
        if (pair && kj_doc_has(before, "variables.budget") && kj_doc_has(now, "variables.budget")) {
            assert_int_equal(kj_doc_int(before, "variables.budget", 0),
                             kj_doc_int(now, "variables.budget", 0));
            compared++;
        }
        kj_doc_clear(&before);
        before = now;
    }
    kj_doc_clear(&before);
    free(text);
    assert_true(compared > 10);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

static void people_answer_as_fast_as_people(void **state)
{
    (void)state;
    struct sim_files files;
    sim_files_init(&files);
    struct fake_host *host = call_many(&files, 3000, ", \"mix\": {\"human\": 1}", 0);
    int answered = 0, below_9 = 0, below_22 = 0;
    for (size_t i = 0; i < fake_host_event_count(host); i++) {
        const bson_t *data = fake_host_event(host, i)->data;
        if (strcmp(kj_doc_text(data, "disposition", ""), "completed") != 0)
            continue;
        int64_t ring = kj_doc_int(data, "ring_ms", 0);
        answered++;
        below_9 += ring < 9000;
        below_22 += ring < 22000;
    }
    assert_in_range(answered, 2850, 2997); // the others would have answered after 30 s
    assert_in_range(100 * below_9 / answered, 48, 54);
    assert_in_range(100 * below_22 / answered, 94, 98);
    fake_host_destroy(host);
    sim_files_fini(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(the_mix_comes_out),
        cmocka_unit_test(a_configured_mix_is_whole),
        cmocka_unit_test(retries_meet_the_same_person),
        cmocka_unit_test(people_answer_as_fast_as_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
