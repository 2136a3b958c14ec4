// Several calls at a time in a locked process: each gets the same bytes as alone in process; one
// that takes long ends the row and not the calls behind it; when the process dies, each of them is
// asked about again, by itself.
#include "pack_fake.h"

#include "base/clock.h"
#include "script/script.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLS = 200, LEADS = 7 };

static const struct kj_vm_limits k_locked = {16u << 20, 300, 10000000, .locked = true};
// Every lead gets what is its own; lead 5 is never done.
static const char k_pack[] = "return kejue.rules { name = \"p\", score = function(c)\n"
                             "  if c.lead.id == 'lead_5' then while true do end end\n"
                             "  return tonumber(c.lead.id:sub(6)) * 10\n"
                             "end }";

static bson_t *facts_of(int lead)
{
    char text[200];
    snprintf(text, sizeof text,
             "\"call\": {\"reached\": true}, \"lead\": {\"id\": \"lead_%d\", \"language\": \"en\"}",
             lead);
    return fake_facts(text);
}

// --- by a loop ---

struct many {
    struct kj_loop *loop;
    struct one {
        struct many *many;
        int lead;
        bson_t *plan;
    } ones[CALLS];
    int told;
};

static void on_plan(void *arg, int status, const bson_t *plan, const struct kj_fault *fault)
{
    struct one *one = arg;
    if (status) {
        fail_msg("lead %d: %s", one->lead, fault->text);
    }
    assert_null(one->plan);
    one->plan = bson_copy(plan);
    if (++one->many->told == CALLS) {
        kj_loop_stop(one->many->loop);
    }
}

static void on_loaded(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    (void)result;
    if (status) {
        fail_msg("%s: %s", fault->place, fault->text);
    }
    kj_loop_stop(arg);
}

static void write_pack(const char *dir)
{
    char path[200];
    snprintf(path, sizeof path, "%s/rules/p.lua", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(k_pack, file);
    fclose(file);
}

static void judge_all(const char *dir, bool locked, struct many *many)
{
    struct kj_clock clock;
    struct kj_script *script;
    kj_clock_init_system(&clock);
    assert_int_equal(kj_loop_create(&clock, &many->loop, NULL), 0);
    struct kj_script_config config = {
        .loop = many->loop, .dir = dir, .threads = 2, .locked = locked};
    assert_int_equal(kj_script_create(&config, &script, NULL), 0);
    kj_script_load(script, NULL, false, on_loaded, many->loop);
    kj_loop_run(many->loop);
    for (int i = 0; i < CALLS; i++) {
        struct one *one = &many->ones[i];
        *one = (struct one){.many = many, .lead = i % LEADS == 5 && i != 75 ? 4 : i % LEADS};
        bson_t *facts = facts_of(one->lead);
        kj_script_decide(script, "p", facts, on_plan, one);
        bson_destroy(facts);
    }
    kj_loop_run(many->loop);
    kj_script_destroy(script);
    kj_loop_destroy(many->loop);
}

static void many_that_wait_get_the_same_bytes(void **state)
{
    (void)state;
    static struct many here, there;
    char dir[] = "/tmp/kejue-cell-XXXXXX", path[200];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/rules", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    write_pack(dir);
    judge_all(dir, false, &here);
    judge_all(dir, true, &there);
    for (int i = 0; i < CALLS; i++) {
        struct one *a = &here.ones[i], *b = &there.ones[i];
        assert_int_equal(a->plan->len, b->plan->len);
        assert_memory_equal(bson_get_data(a->plan), bson_get_data(b->plan), a->plan->len);
        assert_int_equal(kj_doc_bool(a->plan, "limit", false), a->lead == 5);
        kj_doc_clear(&a->plan);
        kj_doc_clear(&b->plan);
    }
    snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

// --- by hand ---

struct hand {
    struct fake fake;
    struct kj_judged ones[KJ_MOST_TOGETHER], *each[KJ_MOST_TOGETHER];
    bson_t *facts[KJ_MOST_TOGETHER];
};

static struct hand *open_hand(void)
{
    struct hand *hand = KJ_NEW(struct hand);
    kj_buf_init(&hand->fake.text, 0);
    fake_add(&hand->fake, "rules/p.lua", k_pack);
    assert_int_equal(kj_pack_create(hand->fake.sources, &k_locked, "rules/p.lua", false,
                                    &hand->fake.pack, &hand->fake.fault),
                     0);
    return hand;
}

static void judge_leads(struct hand *hand, const int *leads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hand->facts[i] = facts_of(leads[i]);
        hand->each[i] = &hand->ones[i];
        assert_true(bson_init_static(&hand->ones[i].facts, bson_get_data(hand->facts[i]),
                                     hand->facts[i]->len));
    }
    kj_pack_judge_many(hand->fake.pack, hand->each, count);
}

static void forget(struct hand *hand, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kj_doc_clear(&hand->ones[i].plan);
        bson_destroy(hand->facts[i]);
    }
}

static void close_hand(struct hand *hand)
{
    fake_end(&hand->fake);
    free(hand);
}

static void one_that_takes_long_leaves_the_others_alone(void **state)
{
    (void)state;
    static const int leads[] = {1, 5, 2, 3};
    struct hand *hand = open_hand();
    judge_leads(hand, leads, KJ_COUNT(leads));
    for (size_t i = 0; i < KJ_COUNT(leads); i++) {
        assert_int_equal(hand->ones[i].status, 0);
        bool stopped = leads[i] == 5;
        assert_int_equal(kj_doc_bool(hand->ones[i].plan, "limit", false), stopped);
        assert_int_equal(kj_doc_int(hand->ones[i].plan, "score", 0), stopped ? 0 : leads[i] * 10);
    }
    forget(hand, KJ_COUNT(leads));
    close_hand(hand);
}

static void shoot_the_child(void)
{
    char path[64];
    long pid = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    fclose(file);
    assert_int_equal(kill((pid_t)pid, SIGSEGV), 0);
}

static void a_death_amid_many_is_nobody_s_fault_until_it_is(void **state)
{
    (void)state;
    static const int leads[] = {1, 2, 3};
    struct hand *hand = open_hand();
    shoot_the_child();
    judge_leads(hand, leads, KJ_COUNT(leads));
    for (size_t i = 0; i < KJ_COUNT(leads); i++) {
        assert_int_equal(hand->ones[i].status, KJ_EUNAVAILABLE);
        assert_null(hand->ones[i].plan);
    }
    forget(hand, KJ_COUNT(leads));
    do { // a new one is not started at once
        usleep(10000);
        judge_leads(hand, leads, 1);
        forget(hand, 1);
    } while (hand->ones[0].status == KJ_EUNAVAILABLE);
    assert_int_equal(hand->ones[0].status, 0);
    shoot_the_child(); // now they go one by one: the first is to blame, the others wait
    judge_leads(hand, leads, KJ_COUNT(leads));
    assert_int_equal(hand->ones[0].status, KJ_EINTERNAL);
    assert_int_equal(hand->ones[1].status, KJ_EUNAVAILABLE);
    assert_int_equal(hand->ones[2].status, KJ_EUNAVAILABLE);
    forget(hand, KJ_COUNT(leads));
    close_hand(hand);
}

int main(int argc, char **argv)
{
    int cell;
    if (kj_script_cell(argc, argv, &cell)) {
        return cell;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_that_wait_get_the_same_bytes),
        cmocka_unit_test(one_that_takes_long_leaves_the_others_alone),
        cmocka_unit_test(a_death_amid_many_is_nobody_s_fault_until_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
