// The host's side of a cell: starting it, asking it, telling why it died.
#include "script/cell.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sched.h"
#include "doc/json.h"
#include "model/zone.h"
#include "script/ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OLD_MS = 3000 * 1000, MOST_ZONES = 1000, LONG_NICE = 10 };
enum { ANSWER_NODES = 1000000, ANSWER_DEPTH = 64 };

struct kj_cell {
    struct kj_cell_guarded guarded; // its pid is 0: gone
    int to, from;                   // pipes
    int64_t opened_ms;              // mono
    bool slowed;                    // its priority is low
    char path[200];
    struct kj_buf in;
};

extern char **environ;

// --- starting ---

static int spawn(const struct kj_vm_limits *limits, int in, int out, pid_t *pid)
{
    char memory[24], cpu[24], instructions[24];
    char *const argv[] = {"kejue-rules-cell", KJ_CELL_WORD, memory, cpu, instructions, NULL};
    char *const nothing[] = {NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, all;
    snprintf(memory, sizeof memory, "%zu", limits->memory);
    snprintf(cpu, sizeof cpu, "%" PRId64, limits->cpu_ms);
    snprintf(instructions, sizeof instructions, "%" PRId64, limits->instructions);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawnattr_init(&how);
    // Our threads mask all signals; and a Ctrl-C is for the host, which still needs its cells.
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    // No environment goes along: it may hold secrets. The sanitizers are told things by it.
    bool bare = getenv("ASAN_OPTIONS") == NULL && getenv("TSAN_OPTIONS") == NULL;
    int error = posix_spawn(pid, "/proc/self/exe", &files, &how, argv, bare ? nothing : environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return error ? -1 : 0;
}

static int start(const struct kj_vm_limits *limits, struct kj_cell *cell)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0) {
        return -1;
    }
    cell->to = in[1];
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        return -1;
    }
    cell->from = out[0];
    (void)signal(SIGPIPE, SIG_IGN); // a cell that is gone is an error of write
    int status = spawn(limits, in[0], out[1], &cell->guarded.pid);
    close(in[0]);
    close(out[1]);
    if (status) {
        cell->guarded.pid = 0;
        return -1;
    }
    kj_sched_behind(cell->guarded.pid, 0);
    kj_cell_guard(&cell->guarded);
    return 0;
}

// --- ending ---

// How it ended, as waitpid tells it.
static int reap(struct kj_cell *cell)
{
    int how = 0;
    pid_t pid = cell->guarded.pid;
    if (pid > 0) {
        kj_cell_unguard(&cell->guarded);
        (void)kill(pid, SIGKILL); // after its own end this changes nothing
        while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {
        }
        cell->guarded.pid = 0;
    }
    return how;
}

void kj_cell_close(struct kj_cell *cell)
{
    if (!cell) {
        return;
    }
    if (cell->to >= 0) {
        close(cell->to);
    }
    if (cell->from >= 0) {
        close(cell->from);
    }
    reap(cell);
    kj_buf_fini(&cell->in);
    free(cell);
}

static int tell_death(struct kj_cell *cell, struct kj_fault *out)
{
    struct kj_fault died, *fault = out ? out : &died;
    int how = reap(cell), signal = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    bool spent = WIFEXITED(how) && WEXITSTATUS(how) == KJ_CELL_SPENT;
    if (spent || signal == SIGXCPU) {
        kj_fault(fault, KJ_ELIMIT, cell->path, NULL,
                 "the process of these rules used up its CPU time and was ended (an endless "
                 "loop?)");
    } else if (signal == SIGKILL) {
        kj_fault(fault, KJ_ELIMIT, cell->path, NULL,
                 "the process of these rules was killed, or did not answer for %d seconds",
                 KJ_CELL_SILENT_MS / 1000);
    } else {
        kj_fault(fault, KJ_EINTERNAL, cell->path,
                 "send the pack and the facts of this call to the makers of Kejue",
                 "the process of these rules died (%s %d)", signal ? "signal" : "exit",
                 signal ? signal : WEXITSTATUS(how));
    }
    kj_log_fault(KJ_LOG_ERROR, "script", fault);
    return fault->code;
}

// --- asking ---

// A cell opens no files: it asks for those of zones, each once.
static int bring_zone(struct kj_cell *cell, uint32_t length)
{
    char name[64];
    struct kj_buf file;
    kj_buf_init(&file, 0);
    snprintf(name, sizeof name, "%.*s", (int)length, KJ_CELL_BODY(&cell->in));
    int status = kj_zone_file(name, &file);
    int sent = kj_cell_send(cell->to, status, file.data, status ? 0 : file.length);
    kj_buf_fini(&file);
    return sent;
}

// An answer, and before it what a cell asks and tells amid a request.
static int hear(struct kj_cell *cell, struct kj_cell_head *head)
{
    int status = kj_cell_receive(cell->from, &cell->in, head);
    for (int zones = 0; status == 0; zones++) {
        if (head->kind == KJ_CELL_SLOWED && !cell->slowed) {
            cell->slowed = true;
            kj_sched_behind(cell->guarded.pid, LONG_NICE);
            kj_pool_takes_long();
            status = kj_cell_receive_next(cell->from, &cell->in, head);
        } else if (head->kind == KJ_CELL_ZONE && zones < MOST_ZONES && head->length < 64) {
            status =
                bring_zone(cell, head->length) ? -1 : kj_cell_receive(cell->from, &cell->in, head);
        } else {
            return head->kind == KJ_CELL_SLOWED || head->kind == KJ_CELL_ZONE ? -1 : 0;
        }
    }
    return status;
}

// Asks and waits for the answer; `parts` as kj_cell_send_parts has them.
static int talk(struct kj_cell *cell, enum kj_cell_kind kind, struct iovec *parts, size_t count,
                struct kj_cell_head *head)
{
    if (cell->guarded.pid == 0) {
        return -1;
    }
    __atomic_store_n(&cell->guarded.asked_ms, kj_clock_real_mono(), __ATOMIC_RELAXED);
    int status = kj_cell_send_parts(cell->to, kind, parts, count) ? -1 : hear(cell, head);
    __atomic_store_n(&cell->guarded.asked_ms, 0, __ATOMIC_RELAXED);
    return status;
}

// What a cell says is judged as what any stranger says: whoever has broken out of Lua in there
// would like to be believed here.
static bool read_document(const char *bytes, uint32_t length, bson_t *doc)
{
    static const struct kj_json_limits limits = {KJ_CELL_MOST, ANSWER_NODES, ANSWER_DEPTH, 0};
    char place[64];
    return kj_doc_only_data(bytes, length, &limits, place, sizeof place) == KJ_OK &&
           bson_init_static(doc, (const uint8_t *)bytes, length);
}

static int read_fault(int32_t kind, const bson_t *told, struct kj_fault *fault)
{
    int code = kind < 0 ? kind : KJ_EINTERNAL; // a fault at any rate
    return kj_fault(fault, code, kj_doc_text(told, "place", ""), kj_doc_text(told, "hint", ""),
                    "%s", kj_doc_text(told, "text", ""));
}

static int ask(struct kj_cell *cell, enum kj_cell_kind kind, const bson_t *body, bson_t *answer,
               struct kj_fault *fault)
{
    struct kj_cell_head head;
    struct iovec parts[2] = {{0}, {(void *)bson_get_data(body), body->len}};
    bool heard = talk(cell, kind, parts, KJ_COUNT(parts), &head) == 0 &&
                 read_document(KJ_CELL_BODY(&cell->in), head.length, answer);
    if (!heard) {
        return tell_death(cell, fault);
    }
    return head.kind == KJ_OK ? 0 : read_fault(head.kind, answer, fault);
}

int kj_cell_open(const struct kj_sources *sources, const struct kj_vm_limits *limits,
                 const char *path, struct kj_cell **out, struct kj_cell_pack *loaded,
                 struct kj_fault *fault)
{
    struct kj_cell *cell = KJ_NEW(struct kj_cell);
    bson_t body = BSON_INITIALIZER, files = BSON_INITIALIZER, answer, part;
    size_t at = 0;
    const char *name;
    void *value;
    kj_buf_init(&cell->in, KJ_CELL_MOST + sizeof(struct kj_cell_head));
    kj_copy(cell->path, sizeof cell->path, path);
    cell->to = cell->from = -1;
    cell->opened_ms = kj_clock_real_mono();
    while (kj_map_next(&sources->files, &at, &name, &value)) {
        const struct kj_source *source = value;
        if (!kj_starts_with(name, "hooks/")) {
            bson_append_utf8(&files, name, -1, source->text, (int)source->length);
        }
    }
    kj_doc_put_text(&body, "path", path);
    kj_doc_put_doc(&body, "files", &files);
    int status = start(limits, cell);
    if (status) {
        status = kj_fault(fault, KJ_EUNAVAILABLE, path, NULL,
                          "a process for these rules cannot be started");
    } else {
        status = ask(cell, KJ_CELL_OPEN, &body, &answer, fault);
    }
    bson_destroy(&files);
    bson_destroy(&body);
    if (status) {
        kj_cell_close(cell);
        return status;
    }
    kj_doc_child(&answer, "describe", &part);
    loaded->describe = bson_copy(&part);
    kj_doc_child(&answer, "files", &part);
    loaded->files = bson_copy(&part);
    kj_copy(loaded->hash, sizeof loaded->hash, kj_doc_text(&answer, "hash", ""));
    *out = cell;
    return 0;
}

size_t kj_cell_plans(const char *bytes, size_t length, struct kj_judged *const *each, size_t count)
{
    size_t read = 0;
    for (; length > 0; read++) {
        struct kj_cell_head head;
        bson_t answer;
        if (read == count || length < sizeof head) {
            return 0;
        }
        memcpy(&head, bytes, sizeof head);
        bytes += sizeof head;
        length -= sizeof head;
        if (head.length > length || !read_document(bytes, head.length, &answer)) {
            return 0;
        }
        bytes += head.length;
        length -= head.length;
        if (head.kind == KJ_OK) {
            each[read]->plan = bson_copy(&answer);
        } else {
            each[read]->status = read_fault(head.kind, &answer, &each[read]->fault);
        }
    }
    return read;
}

int kj_cell_judge(struct kj_cell *cell, struct kj_judged *const *each, size_t *count,
                  struct kj_fault *fault)
{
    size_t asked = *count;
    struct iovec parts[1 + KJ_MOST_TOGETHER];
    struct kj_cell_head head;
    for (size_t i = 0; i < asked; i++) {
        each[i]->plan = NULL;
        each[i]->status = 0;
        parts[i + 1] = (struct iovec){(void *)bson_get_data(&each[i]->facts), each[i]->facts.len};
    }
    bool heard = talk(cell, KJ_CELL_JUDGE, parts, asked + 1, &head) == 0 && head.kind == KJ_OK;
    *count = heard ? kj_cell_plans(KJ_CELL_BODY(&cell->in), head.length, each, asked) : 0;
    if (*count > 0) {
        return 0;
    }
    for (size_t i = 0; i < asked; i++) {
        kj_doc_clear(&each[i]->plan);
    }
    return tell_death(cell, fault);
}

int kj_cell_tests(struct kj_cell *cell, struct kj_doc_list *failed, int64_t *count,
                  struct kj_fault *fault)
{
    bson_t answer, nothing = BSON_INITIALIZER, list;
    bson_iter_t at;
    int status = ask(cell, KJ_CELL_TESTS, &nothing, &answer, fault);
    bson_destroy(&nothing);
    if (status) {
        return status;
    }
    *count = kj_doc_int(&answer, "tests", 0);
    if (kj_doc_child(&answer, "failed", &list) && bson_iter_init(&at, &list)) {
        while (bson_iter_next(&at)) {
            bson_append_iter(failed->array, kj_doc_next(failed), -1, &at);
        }
    }
    return 0;
}

bool kj_cell_dead(const struct kj_cell *cell)
{
    return cell->guarded.pid == 0;
}

bool kj_cell_old(const struct kj_cell *cell)
{
    return cell->slowed || kj_clock_real_mono() - cell->opened_ms > OLD_MS;
}
