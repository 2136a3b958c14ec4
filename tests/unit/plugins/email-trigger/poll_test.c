// The poll over a real Maildir in a scratch folder: once, also over crashes at every step.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "doc/doc.h"
#include "peers/plugin_schemas.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct kejue_plugin kejue_plugin;

static char g_folder[64];

static const char k_mail[] = "From: boss@example.com\nSubject: START campaign\n"
                             "Message-ID: <one@example.com>\n\n+49 151 12345678\n";

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

static int make_folder(void **state)
{
    char path[128];
    (void)state;
    snprintf(g_folder, sizeof g_folder, "/tmp/kejue-maildir-XXXXXX");
    if (!mkdtemp(g_folder))
        return -1;
    static const char *const parts[] = {"new", "cur", "tmp"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", g_folder, parts[i]);
        if (mkdir(path, 0700) != 0)
            return -1;
    }
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    return nftw(g_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", g_folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool there(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", g_folder, name);
    return access(path, F_OK) == 0;
}

// The engine's side: lists take a number once, a key starts once.
struct engine {
    int leads_asked, lists_filled, start_asked, started;
    char list[80], key[80], leads[2000], command[400];
    enum kejue_class leads_class, start_class;
    bool nobody; // no lead is accepted
};

static void answer(void *arg, struct fake_host *host, const struct fake_ask *ask)
{
    struct engine *engine = arg;
    if (strcmp(ask->verb, "host.leads") == 0) {
        engine->leads_asked++;
        snprintf(engine->leads, sizeof engine->leads, "%s", ask->json);
        const char *list = kj_doc_text(ask->request, "list", "");
        bool again = strcmp(engine->list, list) == 0;
        if (engine->leads_class == KEJUE_OK && !engine->nobody) {
            engine->lists_filled += !again;
            snprintf(engine->list, sizeof engine->list, "%s", list);
        }
        fake_host_answer(host, ask->id, engine->leads_class, "limit", "the store is away",
                         engine->nobody
                             ? "{\"accepted\":0,\"duplicates\":0,\"refused\":[{\"line\":1,"
                               "\"reason\":\"no_phone\",\"text\":\"no number\"}]}"
                         : again ? "{\"accepted\":0,\"duplicates\":1}"
                                 : "{\"accepted\":1,\"duplicates\":0}");
        return;
    }
    assert_string_equal(ask->verb, "host.command");
    engine->start_asked++;
    snprintf(engine->command, sizeof engine->command, "%s", ask->json);
    const char *key = kj_doc_text(ask->request, "key", "");
    if (engine->start_class == KEJUE_OK) {
        engine->started += strcmp(engine->key, key) != 0;
        snprintf(engine->key, sizeof engine->key, "%s", key);
    }
    fake_host_answer(host, ask->id, engine->start_class, "state", "no such campaign", "{}");
}

static struct fake_host *open_host(struct engine *engine, const char *more)
{
    char config[512], error[256] = "";
    snprintf(config, sizeof config,
             "{\"maildir\":\"%s\",\"senders\":[\"boss@example.com\"],\"subject\":\"start\","
             "\"campaign\":7%s}",
             g_folder, more);
    struct fake_host *host = fake_host_create(&kejue_plugin, config, 1, 0, error, sizeof error);
    assert_string_equal(error, "");
    fake_host_on_ask(host, answer, engine);
    return host;
}

static const bson_t *poll(struct fake_host *host)
{
    uint64_t op = fake_host_start(host, "email.poll", NULL);
    fake_host_run(host, 1000);
    const struct fake_result *result = fake_host_result(host, op);
    assert_non_null(result);
    assert_int_equal(result->class_, KEJUE_OK);
    assert_true(result_fits("email.poll", result));
    return result->doc;
}

static void expect(const bson_t *doc, int read, int matched, int started, size_t refused)
{
    assert_int_equal(kj_doc_int(doc, "read", -1), read);
    assert_int_equal(kj_doc_int(doc, "matched", -1), matched);
    assert_int_equal(kj_doc_int(doc, "started", -1), started);
    assert_int_equal(kj_doc_count(doc, "refused"), refused);
}

static void a_mail_starts_the_campaign_once(void **state)
{
    (void)state;
    struct engine engine = {0};
    struct fake_host *host = open_host(&engine, ",\"country\":\"DE\"");
    put("new/1772445600.M1.host", k_mail);
    expect(poll(host), 1, 1, 1, 0);
    assert_false(there("new/1772445600.M1.host"));
    assert_true(there("cur/1772445600.M1.host:2,S"));
    assert_string_equal(engine.key, engine.list);
    assert_int_equal(strncmp(engine.list, "email:", 6), 0);
    assert_non_null(strstr(engine.leads, "\"source\":\"email\""));
    assert_non_null(strstr(engine.leads, "\"campaign\":7,\"country\":\"DE\",\"rows\":[{\"line\":1,"
                                         "\"phone_number\":\"+49 151 12345678\"}]"));
    assert_non_null(strstr(engine.command, "\"name\":\"campaign.start\",\"args\":{\"id\":7,"));
    expect(poll(host), 0, 0, 0, 0);
    // delivered again under another name: read, recognised, put away
    put("new/1772445700.M2.host", k_mail);
    expect(poll(host), 1, 1, 0, 0);
    assert_true(there("cur/1772445700.M2.host:2,S"));
    assert_int_equal(engine.started, 1);
    assert_int_equal(engine.leads_asked, 1);
    fake_host_destroy(host);
}

static void a_list_comes_as_csv(void **state)
{
    (void)state;
    struct engine engine = {0};
    struct fake_host *host = open_host(&engine, "");
    put("cur/1772445600.M1.host:2,FT", k_mail); // thrown away
    put("cur/1772445600.M2.host:2,F",
        "From: Boss <BOSS@example.com>\nSubject: start\nMessage-ID: <two@example.com>\n"
        "Content-Type: text/csv\n\nphone\n+4915112345678\n");
    expect(poll(host), 1, 1, 1, 0);
    assert_true(there("cur/1772445600.M2.host:2,FS"));
    assert_non_null(strstr(engine.leads, "\"csv\":\"phone\\n+4915112345678\\n\""));
    fake_host_destroy(host);
}

static void mails_of_others_stay_unread(void **state)
{
    (void)state;
    struct engine engine = {0};
    struct fake_host *host = open_host(&engine, "");
    put("new/1.a", "From: x@evil.example\nSubject: start\nMessage-ID: <3@x>\n\n+4915112345678\n");
    put("new/2.a", "From: boss@example.com\nSubject: lunch\nMessage-ID: <4@x>\n\n+4915112345678\n");
    put("new/3.a", "From: boss@example.com\nSubject: start\nMessage-ID: <5@x>\nAuto-Submitted: "
                   "auto-generated\n\n+4915112345678\n");
    expect(poll(host), 3, 0, 0, 0);
    assert_true(there("new/1.a") && there("new/2.a") && there("new/3.a"));
    expect(poll(host), 0, 0, 0, 0); // remembered
    assert_int_equal(engine.leads_asked, 0);
    fake_host_destroy(host);
}

static void a_forged_sender_needs_a_voucher(void **state)
{
    (void)state;
    struct engine engine = {0};
    struct fake_host *host = open_host(&engine, ",\"authserv_id\":\"mx.example.com\"");
    put("new/1.a", k_mail);
    expect(poll(host), 1, 0, 0, 0);
    put("new/2.a", "Authentication-Results: mx.example.com; dmarc=pass header.from=example.com\n"
                   "From: boss@example.com\nSubject: start\nMessage-ID: <6@x>\n\n+4915112345678\n");
    expect(poll(host), 1, 1, 1, 0);
    fake_host_destroy(host);
}

static void an_unusable_mail_is_told_once(void **state)
{
    (void)state;
    struct engine engine = {0};
    struct fake_host *host = open_host(&engine, "");
    put("new/1.a", "From: boss@example.com\nSubject: start\nMessage-ID: <7@x>\n\nno leads here\n");
    put("new/2.a", "From: boss@example.com\nSubject: start\n\n+4915112345678\n");
    const bson_t *doc = poll(host);
    expect(doc, 2, 2, 0, 2);
    assert_string_equal(kj_doc_text(doc, "refused.0.message_id", ""), "7@x");
    assert_string_equal(kj_doc_text(doc, "refused.0.reason", ""), "no_leads");
    assert_string_equal(kj_doc_text(doc, "refused.1.message_id", ""), "2.a");
    assert_string_equal(kj_doc_text(doc, "refused.1.reason", ""), "no_message_id");
    assert_true(there("new/1.a") && there("new/2.a"));
    expect(poll(host), 0, 0, 0, 0);
    fake_host_destroy(host);
}

static void refused_leads_are_final(void **state)
{
    (void)state;
    struct engine engine = {.nobody = true};
    struct fake_host *host = open_host(&engine, "");
    put("new/1.a", k_mail);
    const bson_t *doc = poll(host);
    expect(doc, 1, 1, 0, 1);
    assert_string_equal(kj_doc_text(doc, "refused.0.reason", ""), "no_lead_accepted: no number");
    assert_int_equal(engine.start_asked, 0);
    fake_host_destroy(host);
}

static void passing_trouble_is_tried_again(void **state)
{
    (void)state;
    struct engine engine = {.leads_class = KEJUE_NOT_PROCESSED};
    struct fake_host *host = open_host(&engine, "");
    put("new/1.a", k_mail);
    expect(poll(host), 1, 1, 0, 1);
    expect(poll(host), 1, 1, 0, 0); // the same trouble is not told again
    engine.leads_class = KEJUE_OK;
    engine.start_class = KEJUE_CALLER; // a wrong campaign in the configuration
    const bson_t *doc = poll(host);
    expect(doc, 1, 1, 0, 1);
    assert_non_null(strstr(kj_doc_text(doc, "refused.0.reason", ""), "no such campaign"));
    assert_true(there("new/1.a"));
    engine.start_class = KEJUE_OK;
    expect(poll(host), 1, 1, 1, 0);
    assert_true(there("cur/1.a:2,S"));
    assert_int_equal(engine.lists_filled, 1);
    assert_int_equal(engine.started, 1);
    fake_host_destroy(host);
}

// host.state survives a crash; everything else of the plugin does not. The fake's state goes with
// its host, so what is stored is carried over by hand.
struct store {
    char *json;
};

struct crash {
    struct engine *engine;
    struct store store;
    int at, step; // the host dies after the plugin's ask number `at`: done, but never answered
    bool dead;
};

// Stands before the host's ask, in the table that the plugin holds.
static struct crash *g_crash;
static void (*g_ask)(struct kejue_ctx *ctx, uint64_t op, const char *verb, struct kejue_doc doc,
                     kejue_answer *answer, void *arg);

static void swallow(void *arg, const struct kejue_outcome *outcome, struct kejue_doc doc)
{
    (void)arg, (void)outcome, (void)doc;
}

static void dying_ask(struct kejue_ctx *ctx, uint64_t op, const char *verb, struct kejue_doc doc,
                      kejue_answer *answer_to, void *arg)
{
    struct crash *crash = g_crash;
    if (crash->dead)
        return;
    if (crash->step++ == crash->at) {
        crash->dead = true; // the request goes out, the answer finds nobody
        g_ask(ctx, op, verb, doc, swallow, NULL);
        return;
    }
    g_ask(ctx, op, verb, doc, answer_to, arg);
}

static void keep_state(struct fake_host *host, struct store *store, const char *key)
{
    const char *json = fake_host_state(host, key);
    free(store->json);
    store->json = json ? strdup(json) : NULL;
}

static void restore_state(struct fake_host *host, const struct store *store, const char *key)
{
    if (!store->json)
        return;
    const struct kejue_host *table = fake_host_table(host);
    struct kejue_builder *b = table->build(fake_host_ctx(host)), *all;
    assert_int_equal(table->put_json(b, "kept", store->json, strlen(store->json)), 0);
    all = table->build(fake_host_ctx(host));
    table->put_text(all, "key", key);
    table->put_from(all, "value", table->built(b), "kept.value");
    g_ask(fake_host_ctx(host), 0, "host.state.put", table->built(all), swallow, NULL);
    table->drop(all);
    table->drop(b);
    fake_host_run(host, 10);
}

static void a_crash_at_any_step_neither_loses_nor_doubles(void **state)
{
    (void)state;
    // the hash of "one@example.com", from an undisturbed run
    char key[64];
    struct engine first = {0};
    struct fake_host *host = open_host(&first, "");
    put("new/0.a", k_mail);
    expect(poll(host), 1, 1, 1, 0);
    snprintf(key, sizeof key, "mail/%s", first.list + 6);
    assert_non_null(fake_host_state(host, key));
    fake_host_destroy(host);
    for (int at = 0; at < 5; at++) { // state.get, begun, leads, start, started
        struct engine engine = {0};
        struct crash crash = {.engine = &engine, .at = at};
        put("new/1.a", k_mail);
        host = open_host(&engine, "");
        struct kejue_host *table = (struct kejue_host *)fake_host_table(host);
        g_crash = &crash;
        g_ask = table->ask;
        table->ask = dying_ask;
        fake_host_start(host, "email.poll", NULL);
        fake_host_run(host, 1000);
        assert_true(crash.dead);
        keep_state(host, &crash.store, key);
        fake_host_destroy(host); // with the poll in mid-air
        assert_true(there("new/1.a"));
        host = open_host(&engine, "");
        restore_state(host, &crash.store, key);
        expect(poll(host), 1, 1, at < 4, 0);
        assert_int_equal(engine.lists_filled, 1);
        assert_int_equal(engine.started, 1);
        assert_true(there("cur/1.a:2,S"));
        fake_host_destroy(host);
        free(crash.store.json);
    }
}

static void a_missing_folder_is_reported(void **state)
{
    (void)state;
    struct fake_host *host = fake_host_create(
        &kejue_plugin, "{\"maildir\":\"/nowhere/at/all\",\"senders\":[\"@a\"],\"campaign\":\"x\"}",
        1, 0, NULL, 0);
    uint64_t op = fake_host_start(host, "email.poll", NULL);
    fake_host_run(host, 10);
    const struct fake_result *result = fake_host_result(host, op);
    assert_int_equal(result->class_, KEJUE_NOT_PROCESSED);
    assert_string_equal(result->code, "maildir");
    assert_non_null(strstr(result->text, "/nowhere/at/all/new"));
    assert_false(fake_host_healthy(host));
    fake_host_destroy(host);
}

static void a_poll_can_be_canceled(void **state)
{
    (void)state;
    struct engine engine = {0};
    struct fake_host *host = open_host(&engine, "");
    put("new/1.a", k_mail);
    put("new/2.a", "From: boss@example.com\nSubject: start\nMessage-ID: <8@x>\n\n+4915112345678\n");
    fake_host_on_ask(host, NULL, NULL);
    uint64_t op = fake_host_start(host, "email.poll", NULL);
    fake_host_run(host, 10); // waits for host.leads
    fake_host_cancel(host, op);
    fake_host_answer(host, fake_host_pending(host, 0)->id, KEJUE_CANCELED, NULL, NULL, NULL);
    fake_host_run(host, 10);
    assert_int_equal(fake_host_result(host, op)->class_, KEJUE_CANCELED);
    fake_host_on_ask(host, answer, &engine);
    expect(poll(host), 2, 2, 2, 0);
    fake_host_destroy(host);
}

static void what_it_says_fits_the_schemas(void **state)
{
    (void)state;
    assert_true(plugin_schemas_fit(&kejue_plugin));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_fits_the_schemas),
        IN_FOLDER(a_mail_starts_the_campaign_once),
        IN_FOLDER(a_list_comes_as_csv),
        IN_FOLDER(mails_of_others_stay_unread),
        IN_FOLDER(a_forged_sender_needs_a_voucher),
        IN_FOLDER(an_unusable_mail_is_told_once),
        IN_FOLDER(refused_leads_are_final),
        IN_FOLDER(passing_trouble_is_tried_again),
        IN_FOLDER(a_crash_at_any_step_neither_loses_nor_doubles),
        IN_FOLDER(a_missing_folder_is_reported),
        IN_FOLDER(a_poll_can_be_canceled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
