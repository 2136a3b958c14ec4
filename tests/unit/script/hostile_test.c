// Hostile scripts: each file of tests/unit/script/hostile is a pack, or the body of a condition, by
// somebody who means harm. Its first line says what must become of it. Each runs in a process of
// its own, once on this thread's states and once in a locked process. With the limits of production
// (KEJUE_TEST_LONG) it must end within 0.6 s of CPU and 64 MiB; else, with a fifth of these limits,
// within 0.2 s. Arguments: names of files, which are told at length.
//
//   -- stopped [WORDS]   a limit ends the whole evaluation (the fault holds WORDS)
//   -- fault WORDS       an ordinary fault of its section; the rest of the plan is there
//   -- good, -- poor     it judges, and nothing of the host was harmed
//   -- refused [WORDS]   it does not even load
#include "pack_fake.h"

#include "script/script.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOWER = 20, MEMORY_MIB = 4096 }; // what is counted is theirs
#else
enum { SLOWER = 1, MEMORY_MIB = 64 };
#endif
enum { TRIES = 3, HUNG_S = 20 * SLOWER }; // a busy machine is slow at times, never fast

static struct kj_vm_limits g_limits = {32u << 20, 500, 50000000};
static double g_cpu_limit = 0.6 * SLOWER;

struct outcome {
    double cpu;   // seconds, of all processes
    long kib;     // how far the largest process grew
    char what[8]; // "stopped", "fault", …
    char text[400];
};

static char *read_text(const char *name)
{
    char path[512];
    struct kj_buf text;
    kj_buf_init(&text, 0);
    snprintf(path, sizeof path, "%s/tests/unit/script/hostile/%s", KEJUE_SOURCE_DIR, name);
    assert_int_equal(kj_read_file(path, 4 << 20, &text, NULL), 0);
    return kj_buf_take(&text);
}

// What a file would be if it had to be written out: "@repeat N TEXT@" makes N times TEXT.
static char *expand(const char *text)
{
    struct kj_buf out;
    kj_buf_init(&out, 0);
    for (const char *at; (at = strstr(text, "@repeat "));) {
        char *piece;
        kj_buf_add(&out, text, (size_t)(at - text));
        long count = strtol(at + 8, &piece, 10);
        const char *end = strchr(++piece, '@');
        for (long i = 0; i < count; i++) {
            kj_buf_add(&out, piece, (size_t)(end - piece));
        }
        text = end + 1;
    }
    kj_buf_adds(&out, text);
    return kj_buf_take(&out);
}

// A whole pack has its own kejue.rules.
static char *pack_of(const char *text)
{
    char *full = expand(text);
    struct kj_buf out;
    if (strstr(full, "kejue.rules")) {
        return full;
    }
    kj_buf_init(&out, 0);
    kj_buf_adds(&out, "return kejue.rules { name = \"p\", success = { { \"good\", function(c)\n");
    kj_buf_adds(&out, full);
    kj_buf_adds(&out,
                "\nend }, { \"poor\" } }, tags = { { \"later\", function() return true end } } }");
    free(full);
    return kj_buf_take(&out);
}

static void tell(struct outcome *outcome, const char *what, const char *text)
{
    snprintf(outcome->what, sizeof outcome->what, "%s", what);
    snprintf(outcome->text, sizeof outcome->text, "%s", text);
}

static void look_at_plan(struct outcome *outcome, const bson_t *plan)
{
    const char *fault = kj_doc_text(plan, "faults.0.text", "");
    if (kj_doc_bool(plan, "park", false) && kj_doc_count(plan, "tags") == 0) {
        tell(outcome, "stopped", fault);
    } else if (fault[0]) {
        tell(outcome, kj_doc_count(plan, "tags") == 1 ? "fault" : "odd", fault);
    } else {
        tell(outcome, kj_doc_text(plan, "success", "none"), "");
    }
}

static void run_pack(struct outcome *outcome, const char *text, bool locked)
{
    struct fake fake = {0};
    struct kj_vm_limits limits = g_limits;
    bson_t *facts = fake_facts(NULL);
    limits.locked = locked;
    fake_add(&fake, "rules/p.lua", text);
    fake_add(&fake, "lib/self.lua", "return require('self')");
    int status =
        kj_pack_create(fake.sources, &limits, "rules/p.lua", false, &fake.pack, &fake.fault);
    if (status) {
        tell(outcome, "refused", fake.fault.text);
    } else if (kj_pack_judge(fake.pack, facts, &fake.plan, &fake.fault) != 0) {
        tell(outcome, "died", fake.fault.text);
    } else {
        look_at_plan(outcome, fake.plan);
    }
    bson_destroy(facts);
    fake_end(&fake);
}

static double seconds_of(const struct rusage *used)
{
    return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
           (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) * 1e-6;
}

// In a process of its own: its time and memory are the script's.
static void run_apart(struct outcome *outcome, const char *text, bool locked)
{
    int pipe_ends[2], how;
    memset(outcome, 0, sizeof *outcome);
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rusage before, own, cell;
        struct rlimit hung = {HUNG_S, HUNG_S};
        setrlimit(RLIMIT_CPU, &hung);
        getrusage(RUSAGE_SELF, &before);
        run_pack(outcome, text, locked);
        getrusage(RUSAGE_SELF, &own);
        getrusage(RUSAGE_CHILDREN, &cell);
        outcome->cpu = seconds_of(&own) - seconds_of(&before) + seconds_of(&cell);
        outcome->kib = own.ru_maxrss - before.ru_maxrss;
        if (cell.ru_maxrss - before.ru_maxrss > outcome->kib) {
            outcome->kib = cell.ru_maxrss - before.ru_maxrss;
        }
        _exit(write(pipe_ends[1], outcome, sizeof *outcome) == sizeof *outcome ? 0 : 1);
    }
    close(pipe_ends[1]);
    bool told = read(pipe_ends[0], outcome, sizeof *outcome) == sizeof *outcome;
    close(pipe_ends[0]);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    if (!told) {
        tell(outcome, WIFSIGNALED(how) && WTERMSIG(how) == SIGXCPU ? "hung" : "crashed", "");
        outcome->cpu = HUNG_S;
    }
}

// "-- WORD REST" of the first line.
static bool as_expected(const struct outcome *outcome, const char *text)
{
    char line[300], word[20] = "", rest[260] = "";
    kj_copy(line, strcspn(text, "\n") + 1 < sizeof line ? strcspn(text, "\n") + 1 : sizeof line,
            text);
    sscanf(line, "-- %19s %259[^\n]", word, rest);
    bool told = strstr(outcome->text, rest);
    // Allocation is so slow under the sanitizers that the CPU time may run out before the memory.
    told = told || (SLOWER > 1 && strstr(outcome->text, "CPU time"));
    return strncmp(outcome->what, word, sizeof outcome->what - 1) == 0 && told;
}

static struct {
    char name[80];
    double cpu;
    long kib;
} g_worst;

static int check(const char *name, bool locked, bool tells)
{
    char *text = read_text(name), *pack = pack_of(text);
    struct outcome outcome;
    bool small = false, quick = false;
    for (int i = 0; i < TRIES && !(quick && small); i++) {
        run_apart(&outcome, pack, locked);
        quick = outcome.cpu <= g_cpu_limit;
        small = outcome.kib <= MEMORY_MIB * 1024;
    }
    bool right = as_expected(&outcome, text);
    if (!right || !quick || !small || tells) {
        printf("%s%s: %s%s%s; %.3f s, %ld KiB%s\n", name, locked ? " (locked)" : "", outcome.what,
               outcome.text[0] ? ": " : "", outcome.text, outcome.cpu, outcome.kib,
               right && quick && small ? "" : "  <- WRONG");
    }
    if (outcome.cpu > g_worst.cpu) {
        g_worst.cpu = outcome.cpu;
        kj_copy(g_worst.name, sizeof g_worst.name, name);
    }
    g_worst.kib = outcome.kib > g_worst.kib ? outcome.kib : g_worst.kib;
    free(text);
    free(pack);
    return right && quick && small ? 0 : 1;
}

static int is_script(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".lua") == 0;
}

static void check_all(bool locked)
{
    struct dirent **entries;
    int count =
        scandir(KEJUE_SOURCE_DIR "/tests/unit/script/hostile", &entries, is_script, alphasort);
    int wrong = 0;
    assert_true(count >= 60);
    memset(&g_worst, 0, sizeof g_worst);
    for (int i = 0; i < count; i++) {
        wrong += check(entries[i]->d_name, locked, false);
        free(entries[i]);
    }
    free(entries);
    printf("%d hostile scripts%s: slowest %.3f s (%s), largest %ld KiB\n", count,
           locked ? " in locked processes" : "", g_worst.cpu, g_worst.name, g_worst.kib);
    assert_int_equal(wrong, 0);
}

static void hostile_scripts_end_in_process(void **state)
{
    (void)state;
    check_all(false);
}

static void hostile_scripts_end_in_locked_processes(void **state)
{
    (void)state;
    check_all(true);
}

int main(int argc, char **argv)
{
    int cell, wrong = 0;
    if (kj_script_cell(argc, argv, &cell)) {
        return cell;
    }
    if (argc == 1 && !getenv("KEJUE_TEST_LONG")) {
        g_limits.cpu_ms /= 5;
        g_limits.instructions /= 5;
        g_cpu_limit = 0.2 * SLOWER;
    }
    for (int i = 1; i < argc; i++) {
        wrong += check(argv[i], false, true) + check(argv[i], true, true);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_scripts_end_in_process),
        cmocka_unit_test(hostile_scripts_end_in_locked_processes),
    };
    return argc > 1 ? wrong : cmocka_run_group_tests(tests, NULL, NULL);
}
