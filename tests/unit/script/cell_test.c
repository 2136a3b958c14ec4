// Rules in locked processes: the same bytes as in process, for every pack that is shipped; a
// process that dies fails one evaluation and comes back; what it may not do, the kernel refuses.
#include "pack_fake.h"

#include "base/clock.h"
#include "script/cell.h"
#include "script/script.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct answer {
    int status;
    bson_t *doc;
    struct kj_fault fault;
};

static void on_answer(void *arg, int status, const bson_t *doc, const struct kj_fault *fault)
{
    struct answer *answer = arg;
    kj_doc_clear(&answer->doc);
    answer->status = status;
    answer->doc = doc ? bson_copy(doc) : NULL;
    answer->fault = fault ? *fault : (struct kj_fault){0};
}

static struct kj_script *open_scripts(const char *dir, bool locked)
{
    struct kj_script_config config = {.dir = dir, .locked = locked};
    struct kj_script *script;
    struct answer answer = {0};
    assert_int_equal(kj_script_create(&config, &script, NULL), 0);
    kj_script_load(script, NULL, false, on_answer, &answer);
    if (answer.status) {
        fail_msg("%s: %s: %s", dir, answer.fault.place, answer.fault.text);
    }
    kj_doc_clear(&answer.doc);
    return script;
}

static void same(const bson_t *here, const bson_t *there, const char *what)
{
    if (here->len != there->len ||
        memcmp(bson_get_data(here), bson_get_data(there), here->len) != 0) {
        char *a = bson_as_relaxed_extended_json(here, NULL);
        char *b = bson_as_relaxed_extended_json(there, NULL);
        fail_msg("%s: in process %s\nin a locked one %s", what, a, b);
    }
}

// --- the same bytes ---

static const char *const k_calls[] = {
    "\"call\": {\"reached\": true}",
    "\"call\": {\"reached\": false, \"disposition\": \"no_answer\", \"attempt\": 1, "
    "\"attempts_left\": 2}",
    "\"kind\": \"reevaluation\", \"call\": {\"reached\": true}",
    "\"kind\": \"preselection\", \"lead\": {\"id\": \"lead_4\", \"status\": \"new\"}",
    "\"lead\": {\"id\": \"lead_1\", \"timezone\": \"Asia/Kolkata\", \"language\": \"hi\"}, "
    "\"call\": {\"reached\": true, \"language\": \"de\", \"attempt\": 2, "
    "\"ended_at\": \"2026-03-29T01:30:00Z\"}, \"transcript\": [{\"speaker\": \"lead\", \"text\": "
    "\"Ja, rufen Sie morgen um zehn an. Unser Budget sind zwanzigtausend Euro.\", \"start_ms\": 0, "
    "\"end_ms\": 900}], \"answers\": {\"variables\": {\"budget\": {\"value\": 20000, \"quote\": "
    "\"Budget sind zwanzigtausend\", \"turn\": 1}}}",
    "\"lead\": {\"id\": \"lead_2\", \"timezone\": \"Nowhere/Land\"}, "
    "\"call\": {\"reached\": true}, \"transcript\": [{\"speaker\": \"lead\", \"text\": "
    "\"Please do not call me again, remove my number.\", \"start_ms\": 0, \"end_ms\": 900}]",
};

static void compare_pack(struct kj_script *here, struct kj_script *there, const char *name)
{
    struct answer a = {0}, b = {0};
    bson_t *about = kj_script_describe(here, name), *about_there = kj_script_describe(there, name);
    same(about, about_there, name);
    for (size_t i = 0; i < KJ_COUNT(k_calls); i++) {
        bson_t *facts = fake_facts(k_calls[i]);
        kj_script_decide(here, name, facts, on_answer, &a);
        kj_script_decide(there, name, facts, on_answer, &b);
        assert_int_equal(a.status, 0);
        if (b.status) {
            fail_msg("%s: %s %s", name, b.fault.place, b.fault.text);
        }
        same(a.doc, b.doc, name);
        bson_destroy(facts);
    }
    kj_doc_clear(&a.doc);
    kj_doc_clear(&b.doc);
    bson_destroy(about);
    bson_destroy(about_there);
}

static void compare_folder(const char *dir)
{
    struct kj_script *here = open_scripts(dir, false), *there = open_scripts(dir, true);
    bson_t *list = kj_script_list(here), *list_there = kj_script_list(there), packs;
    bson_t *tests = kj_script_test(here, NULL, NULL), *tests_there;
    bson_iter_t at, name;
    same(list, list_there, dir);
    tests_there = kj_script_test(there, NULL, NULL);
    assert_non_null(tests);
    assert_non_null(tests_there);
    same(tests, tests_there, dir);
    assert_true(kj_doc_child(list, "packs", &packs) && bson_iter_init(&at, &packs));
    while (bson_iter_next(&at)) {
        assert_true(bson_iter_recurse(&at, &name) && bson_iter_find(&name, "name"));
        compare_pack(here, there, bson_iter_utf8(&name, NULL));
    }
    bson_destroy(list);
    bson_destroy(list_there);
    bson_destroy(tests);
    bson_destroy(tests_there);
    kj_script_destroy(here);
    kj_script_destroy(there);
}

static void every_pack_gives_the_same_bytes(void **state)
{
    (void)state;
    compare_folder(KEJUE_SOURCE_DIR "/scripts");
    compare_folder(KEJUE_SOURCE_DIR "/tests/bench/scripts");
}

// --- one pack ---

static const struct kj_vm_limits k_locked = {16u << 20, 300, 10000000, .locked = true};

static void load_locked(struct fake *fake, const char *text)
{
    kj_buf_init(&fake->text, 0);
    fake_add(fake, "rules/p.lua", text);
    fake->status =
        kj_pack_create(fake->sources, &k_locked, "rules/p.lua", false, &fake->pack, &fake->fault);
}

static int judge_locked(struct fake *fake)
{
    bson_t *facts = fake_facts(NULL);
    kj_doc_clear(&fake->plan);
    int status = kj_pack_judge(fake->pack, facts, &fake->plan, &fake->fault);
    bson_destroy(facts);
    return status;
}

static void a_fault_while_loading_is_told_the_same_way(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "return kejue.rules { name = \"p\", score = 5 }",
        "return kejue.rules { name = \"p\", tags = { { \"x\", function() return } } }",
        "while true do end",
        "local t = {} while true do t[#t + 1] = {} end",
    };
    for (size_t i = 0; i < KJ_COUNT(broken); i++) {
        struct fake here = {0}, there = {0};
        fake_load(&here, broken[i]);
        load_locked(&there, broken[i]);
        assert_int_not_equal(here.status, 0);
        assert_int_equal(here.status, there.status);
        assert_string_equal(here.fault.place, there.fault.place);
        assert_string_equal(here.fault.text, there.fault.text);
        fake_end(&here);
        fake_end(&there);
    }
}

// What reaches outside Lua: numbers by libphonenumber (tables of its own, on first use), zones,
// JSON, chance, memory.
static void the_library_gives_the_same_bytes(void **state)
{
    (void)state;
    static const char text[] =
        "return kejue.rules { name = \"p\", tags = { { \"all\", function(c)\n"
        "  local p = kejue.phone.parse('030 901820', 'DE')\n"
        "  local t = {} for i = 1, 20000 do t[i] = { i, tostring(i) } end\n"
        "  return true, kejue.json.encode({ p.e164, p.mobile, #t, math.random(1, 1000000),\n"
        "    kejue.time.add(c.now, 100, 'days').hour, ('a b c'):match('%f[%w]c'),\n"
        "    kejue.json.encode(kejue.json.decode('{\"a\":[1,2.5,null,\"é\"]}')) })\n"
        "end } } }";
    struct fake here = {0}, there = {0};
    fake_load(&here, text);
    load_locked(&there, text);
    assert_int_equal(here.status, 0);
    assert_int_equal(there.status, 0);
    bson_t *facts = fake_facts("\"call\": {\"reached\": true}, \"lead\": {\"id\": \"lead_9\", "
                               "\"timezone\": \"America/Sao_Paulo\"}");
    for (int i = 0; i < 2; i++) {
        kj_doc_clear(&here.plan);
        kj_doc_clear(&there.plan);
        assert_int_equal(kj_pack_judge(here.pack, facts, &here.plan, NULL), 0);
        assert_int_equal(kj_pack_judge(there.pack, facts, &there.plan, &there.fault), 0);
        same(here.plan, there.plan, "library");
    }
    assert_string_equal(fake_json(&here, "faults"), "[]");
    assert_non_null(strstr(fake_json(&here, "explain"), "+4930901820"));
    bson_destroy(facts);
    fake_end(&here);
    fake_end(&there);
}

static void a_limit_ends_the_evaluation_and_not_the_process(void **state)
{
    (void)state;
    struct fake fake = {0};
    load_locked(&fake, "return kejue.rules { name = \"p\", score = function(c) "
                       "if c.call.reached then while true do end end return 1 end }");
    assert_int_equal(fake.status, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(judge_locked(&fake), 0);
        assert_true(kj_doc_bool(fake.plan, "park", false));
        assert_non_null(strstr(fake_text(&fake, "park_reason"), "was stopped"));
    }
    fake_end(&fake);
}

// The one child of this process.
static pid_t child(void)
{
    char path[64];
    long pid = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    fclose(file);
    return (pid_t)pid;
}

static void a_process_that_dies_fails_one_evaluation(void **state)
{
    (void)state;
    struct fake fake = {0};
    load_locked(&fake, "return kejue.rules { name = \"p\", score = function() return 7 end }");
    assert_int_equal(fake.status, 0);
    assert_int_equal(judge_locked(&fake), 0);
    for (int death = 0; death < 3; death++) {
        int signal = death == 1 ? SIGXCPU : SIGSEGV;
        int64_t start = kj_clock_real_mono();
        assert_int_equal(kill(child(), signal), 0);
        assert_int_equal(judge_locked(&fake), signal == SIGXCPU ? KJ_ELIMIT : KJ_EINTERNAL);
        assert_non_null(strstr(fake.fault.text, "the process of these rules"));
        while (judge_locked(&fake) == KJ_EUNAVAILABLE) {
            usleep(5000);
        }
        assert_true(kj_doc_int(fake.plan, "score", 0) == 7);
        assert_true(kj_clock_real_mono() - start >= 100 << death); // longer after each death
    }
    fake_end(&fake);
    int how; // nobody is left behind
    assert_int_equal(waitpid(-1, &how, WNOHANG), -1);
}

// --- the lock ---

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FILTERED = 0 };
#else
enum { FILTERED = 1 };
#endif

static void open_a_file(void)
{
    _exit(open("/etc/passwd", O_RDONLY) < 0 ? 77 : 0);
}

static void make_a_socket(void)
{
    _exit(socket(AF_INET, SOCK_STREAM, 0) < 0 ? 77 : 0);
}

static void start_a_process(void)
{
    _exit(fork() < 0 ? 77 : 0);
}

static void signal_the_host(void)
{
    _exit(kill(getppid(), 0) < 0 ? 77 : 0);
}

static void make_code(void)
{
    _exit(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
              ? 77
              : 0);
}

static void run_a_program(void)
{
    execl("/bin/true", "true", NULL);
    _exit(77);
}

static void take_memory(void)
{
    for (int i = 0; i < 40; i++) {
        char *room = malloc(1 << 20);
        if (!room) {
            _exit(77);
        }
        memset(room, i, 1 << 20);
    }
    _exit(0);
}

static void use_time(void)
{
    kj_cell_request(50, false);
    for (volatile unsigned i = 0;; i++) {
    }
}

static void judge_as_usual(void)
{
    char *room = malloc(4 << 20);
    memset(room, 1, 4 << 20);
    free(room);
    _exit(0);
}

static void the_kernel_refuses(void **state)
{
    (void)state;
    static const struct {
        void (*act)(void);
        int exit, signal;
        bool always;
    } acts[] = {
        {open_a_file, 77, 0, false},         {make_a_socket, 0, SIGSYS, false},
        {start_a_process, 0, SIGSYS, false}, {signal_the_host, 0, SIGSYS, false},
        {make_code, 0, SIGSYS, false},       {run_a_program, 0, SIGSYS, false},
        {take_memory, 77, 0, false},         {use_time, KJ_CELL_SPENT, 0, false},
        {judge_as_usual, 0, 0, true},
    };
    for (size_t i = 0; i < KJ_COUNT(acts); i++) {
        int how;
        if (!FILTERED && !acts[i].always) {
            continue;
        }
        pid_t pid = fork();
        if (pid == 0) {
            if (kj_cell_clock() != 0 || kj_cell_lock(16u << 20) != 0) {
                _exit(99);
            }
            acts[i].act();
        }
        assert_int_equal(waitpid(pid, &how, 0), pid);
        int signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
        if (signal != acts[i].signal || (signal == 0 && WEXITSTATUS(how) != acts[i].exit)) {
            fail_msg("act %zu: signal %d, exit %d", i, signal, WEXITSTATUS(how));
        }
    }
}

int main(int argc, char **argv)
{
    int cell;
    if (kj_script_cell(argc, argv, &cell)) {
        return cell;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pack_gives_the_same_bytes),
        cmocka_unit_test(a_fault_while_loading_is_told_the_same_way),
        cmocka_unit_test(the_library_gives_the_same_bytes),
        cmocka_unit_test(a_limit_ends_the_evaluation_and_not_the_process),
        cmocka_unit_test(a_process_that_dies_fails_one_evaluation),
        cmocka_unit_test(the_kernel_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
