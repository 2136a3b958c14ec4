// Hostile scripts by the thousand: pieces that loop, grow, call back and catch are put into each
// other, and the scripts of hostile/ are changed at random places. None may crash the host, outlast
// its limits or outgrow them, whatever it means. KEJUE_TEST_LONG: 20,000 of them. A script that
// does harm is told by its number: run this program with the number to see it and run it alone,
// with two numbers to run those between them in one process.
#include "pack_fake.h"

#include "base/rng.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOWER = 20, MEMORY_MIB = 4096, FEW = 100 };
#else
enum { SLOWER = 1, MEMORY_MIB = 64, FEW = 400 };
#endif
enum { MANY = 20000, BATCH = 50, MOST_FILE = 32 * 1024, HUNG_S = 60 * SLOWER };

static const struct kj_vm_limits k_small = {8u << 20, 40, 2000000};
// The limit, the load of a state after it, the ticks of the clock, and giving memory back.
static const double k_cpu_limit = 0.12 * SLOWER;

static const char *pick(struct kj_rng *rng, const char *const *list, size_t count)
{
    return list[kj_rng_range(rng, 0, (int64_t)count - 1)];
}
#define PICK(rng, list) pick(rng, list, KJ_COUNT(list))

// --- scripts from pieces: % is a statement within, # a value ---

static const char *const k_outer[] = {
    "while true do % end",
    "for i = 1, 100000 do % end",
    "repeat % until false",
    "pcall(function() % end)",
    "local ok, e = pcall(function() % end) pcall(error, e)",
    "local t <const> = setmetatable({}, { __index = function() % end }) local _ = t.x",
    "setmetatable({}, { __newindex = function() % end }).x = 1",
    "local _ = tostring(setmetatable({}, { __tostring = function() % return 'x' end }))",
    "local _ = setmetatable({}, { __concat = function() % return 'x' end }) .. 'y'",
    "local _ = #setmetatable({}, { __len = function() % return 1 end })",
    "local _ = setmetatable({}, { __eq = function() % end }) == setmetatable({}, {})",
    "local m = {} local t = setmetatable({}, m) m.__close = function() % end local x <close> = t",
    "('aaaa'):gsub('a', function() % end)",
    "table.sort({ 3, 1, 2 }, function(a, b) % return a < b end)",
    "for _ in function() % return 1 end do % end",
    "for k, v in pairs({ a = 1, b = 2, # }) do % end",
    "local f f = function(n) % return f(n + 1) end f(1)",
    "local f f = function(n) % return 1 + f(n + 1) end f(1)",
    "local f f = function() pcall(f) pcall(f) % end f()",
    "% %",
    "do local a, b, d = #, #, # % end",
};
static const char *const k_inner[] = {
    "keep[#keep + 1] = #",
    "keep = { keep, # }",
    "s = s .. #",
    "s = s .. s",
    "s = (#):rep(1000)",
    "local _ = s:find('.-.-.-x')",
    "local _ = s:find('[' .. s .. ']*y')",
    "local _ = s:gsub('(.-)%1', '%1%0')",
    "for a in s:gmatch('.') do keep[a] = # end",
    "local _ = s:match('^(.*)%b()$')",
    "local _ = s < s .. '\\0'",
    "local _ = s & 1",
    "table.sort(keep)",
    "table.insert(keep, 1, #)",
    "table.concat(keep, s)",
    "local _ = { table.unpack(keep, 1, 9999) }",
    "table.move(keep, 1, #keep, 2)",
    "for _ in pairs(keep) do end",
    "local _ = next(keep)",
    "kejue.json.decode('[' .. s .. ']')",
    "kejue.json.encode(keep)",
    "kejue.text.words(s)",
    "kejue.text.contains(s, keep)",
    "kejue.phone.parse(s, 'DE')",
    "kejue.time.add(c.now, #)",
    "string.format('%99.99f%s', 1e300, #)",
    "utf8.len(s)",
    "local _ = tonumber(s)",
    "error(#)",
    "error(keep)",
    "local _ = c.transcript[#]",
    "_ENV[#] = 1",
    "c = #",
    "keep = setmetatable({}, { __index = keep, __mode = # })",
};
static const char *const k_values[] = {
    "1",
    "-1",
    "0",
    "1 << 62",
    "1e308",
    "0/0",
    "''",
    "s",
    "keep",
    "nil",
    "c",
    "{}",
    "{{}}",
    "('x'):rep(100000)",
    "function() end",
    "math.mininteger",
    "c.lead",
    "kejue",
    "'%'",
    "true",
};

static void write_pieces(struct kj_rng *rng, struct kj_buf *out, const char *form, int depth)
{
    for (const char *at = form; *at; at++) {
        bool quoted = at > form && (at[-1] == '\'' || at[-1] == '(' || at[1] == '1' ||
                                    (at[1] >= 'a' && at[1] <= 'z') || at[1] == '9');
        if (*at == '%' && !quoted) {
            bool deeper = depth > 0 && kj_rng_range(rng, 0, 2) > 0;
            write_pieces(rng, out, deeper ? PICK(rng, k_outer) : PICK(rng, k_inner), depth - 1);
        } else if (*at == '#' && at[1] != 'k') {
            kj_buf_adds(out, PICK(rng, k_values));
        } else {
            kj_buf_addc(out, *at);
        }
    }
}

static void from_pieces(struct kj_rng *rng, struct kj_buf *out)
{
    kj_buf_adds(out, "local keep, s = {}, 'ab(1)'\n");
    for (int64_t count = kj_rng_range(rng, 1, 3); count > 0; count--) {
        write_pieces(rng, out, PICK(rng, k_outer), 3);
        kj_buf_addc(out, '\n');
    }
}

// --- scripts from scripts ---

static char **g_files;
static size_t g_file_count;

static void read_files(void)
{
    static const char dir[] = KEJUE_SOURCE_DIR "/tests/unit/script/hostile";
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);
    assert_true(count > 60);
    g_files = kj_alloc((size_t)count * sizeof *g_files);
    for (int i = 0; i < count; i++) {
        char path[512];
        struct kj_buf text;
        kj_buf_init(&text, MOST_FILE);
        snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        bool script = strstr(entries[i]->d_name, ".lua") != NULL;
        if (script && kj_read_file(path, MOST_FILE, &text, NULL) == 0 && !strstr(text.data, "@")) {
            g_files[g_file_count++] = kj_buf_take(&text);
        }
        kj_buf_fini(&text);
        free(entries[i]);
    }
    free(entries);
}

// A line of a file, with its end.
static void add_line(struct kj_rng *rng, struct kj_buf *out, const char *file)
{
    const char *line = file + kj_rng_range(rng, 0, (int64_t)strlen(file) - 1);
    while (line > file && line[-1] != '\n') {
        line--;
    }
    kj_buf_add(out, line, strcspn(line, "\n"));
    kj_buf_addc(out, '\n');
}

static void from_scripts(struct kj_rng *rng, struct kj_buf *out)
{
    static const char *const words[] = {" ", "end", "1", "('x'):rep(9999)", "(", "nil", "..", "s"};
    const char *file = g_files[kj_rng_range(rng, 0, (int64_t)g_file_count - 1)];
    const char *other = g_files[kj_rng_range(rng, 0, (int64_t)g_file_count - 1)];
    for (const char *at = file; *at;) {
        size_t line = strcspn(at, "\n") + (strchr(at, '\n') != NULL);
        switch (kj_rng_range(rng, 0, 9)) {
        case 0: // left out
            break;
        case 1: // twice
            kj_buf_add(out, at, line);
            kj_buf_add(out, at, line);
            break;
        case 2: // a foreign one before it
            add_line(rng, out, other);
            kj_buf_add(out, at, line);
            break;
        case 3: { // cut, with another word there
            size_t cut = (size_t)kj_rng_range(rng, 0, (int64_t)line);
            kj_buf_add(out, at, cut);
            kj_buf_adds(out, PICK(rng, words));
            kj_buf_add(out, at + cut, line - cut);
            break;
        }
        default:
            kj_buf_add(out, at, line);
        }
        at += line;
    }
}

static char *script_of(int64_t number)
{
    struct kj_rng rng;
    struct kj_buf body, out;
    kj_rng_init(&rng, (uint64_t)number);
    kj_buf_init(&body, 0);
    kj_buf_init(&out, 0);
    if (kj_rng_range(&rng, 0, 2)) {
        from_pieces(&rng, &body);
    } else {
        from_scripts(&rng, &body);
    }
    bool whole = body.data && strstr(body.data, "kejue.rules");
    kj_buf_adds(&out, whole ? "" : "return kejue.rules { name = \"p\", score = function(c)\n");
    kj_buf_adds(&out, body.data ? body.data : "");
    kj_buf_adds(&out, whole ? "" : "\nend }");
    kj_buf_fini(&body);
    return kj_buf_take(&out);
}

// --- running them ---

struct tally {
    int64_t number; // under way
    int64_t slowest;
    double seconds;
    int64_t loaded, stopped, faulty;
    long kib;
};

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double run_once(struct tally *tally, const char *text)
{
    struct fake fake = {0};
    bson_t *facts = fake_facts(NULL);
    double start = thread_seconds();
    fake_add(&fake, "rules/p.lua", text);
    fake.status =
        kj_pack_create(fake.sources, &k_small, "rules/p.lua", false, &fake.pack, &fake.fault);
    if (fake.status == 0) {
        assert_int_equal(kj_pack_judge(fake.pack, facts, &fake.plan, &fake.fault), 0);
        tally->loaded++;
        tally->stopped += kj_doc_bool(fake.plan, "limit", false);
        tally->faulty += kj_doc_count(fake.plan, "faults") > 0;
    }
    fake_end(&fake);
    bson_destroy(facts);
    return thread_seconds() - start;
}

static void run_one(struct tally *tally, int64_t number)
{
    char *text = script_of(number);
    double seconds = run_once(tally, text);
    for (int again = 0; again < 2 && seconds > k_cpu_limit; again++) {
        struct tally unused = {0};
        seconds = run_once(&unused, text);
    }
    if (seconds > tally->seconds) {
        tally->seconds = seconds;
        tally->slowest = number;
    }
    free(text);
}

// A process for each batch: a crash is told, memory is counted.
static void run_batch(struct tally *tally, int64_t from, int64_t until)
{
    int how;
    pid_t pid = fork();
    if (pid == 0) {
        struct rusage before, after;
        struct rlimit hung = {HUNG_S, HUNG_S};
        setrlimit(RLIMIT_CPU, &hung);
        getrusage(RUSAGE_SELF, &before);
        for (tally->number = from; tally->number < until; tally->number++) {
            run_one(tally, tally->number);
        }
        getrusage(RUSAGE_SELF, &after);
        long kib = after.ru_maxrss - before.ru_maxrss;
        tally->kib = kib > tally->kib ? kib : tally->kib;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    if (how != 0) {
        fail_msg("script number %lld ended its process (%#x)", (long long)tally->number, how);
    }
}

static void random_scripts_do_no_harm(void **state)
{
    (void)state;
    int64_t count = getenv("KEJUE_TEST_LONG") ? MANY : FEW;
    struct tally *tally =
        mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(tally != MAP_FAILED);
    for (int64_t from = 0; from < count; from += BATCH) {
        run_batch(tally, from, from + BATCH);
    }
    printf(
        "%lld random scripts: %lld loaded, %lld of them stopped, %lld with faults; slowest %.3f s "
        "(number %lld), largest batch %ld KiB\n",
        (long long)count, (long long)tally->loaded, (long long)tally->stopped,
        (long long)tally->faulty, tally->seconds, (long long)tally->slowest, tally->kib);
    assert_true(tally->loaded > count / 3 && tally->stopped > count / 20); // they do mean harm
    assert_true(tally->seconds <= k_cpu_limit);
    assert_true(tally->kib <= MEMORY_MIB * 1024);
    munmap(tally, sizeof *tally);
}

int main(int argc, char **argv)
{
    read_files();
    if (argc > 2) { // a batch, in this process
        struct tally tally = {0};
        for (int64_t number = atoll(argv[1]); number < atoll(argv[2]); number++) {
            run_one(&tally, number);
        }
        return 0;
    }
    if (argc > 1) {
        struct tally tally = {0};
        char *text = script_of(atoll(argv[1]));
        puts(text);
        fflush(stdout);
        printf("%.3f s\n", run_once(&tally, text));
        free(text);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_scripts_do_no_harm),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < g_file_count; i++) {
        free(g_files[i]);
    }
    free(g_files);
    return failed;
}
