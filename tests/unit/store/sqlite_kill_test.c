// A process killed in the middle of its writes, again and again: what it acknowledged is there.
#include "contract/store_world.h"

#include <signal.h>
#include <sys/wait.h>

static char g_folder[] = "/tmp/kj-store-kill-XXXXXX";

static void open_file(struct world *world)
{
    struct kj_fault fault = {0};
    world->config.path = world->path;
    if (kj_sqlite_create(world->loop, &world->config, &world->store, &fault) < 0)
        fail_msg("%s", fault.text);
}

static const struct factory k_threads = {"threads", false, true, open_file, NULL};

static void begin(struct world *world, const char *path)
{
    *world = (struct world){.factory = &k_threads};
    snprintf(world->path, sizeof world->path, "%s", path);
    world_open(world);
}

enum { IN_FLIGHT = 20 };

struct child {
    struct world world;
    int to_parent;
};

static void child_insert(struct child *child);

// Tells the parent the id, then asks for the next: what the parent has read was acknowledged.
static void child_done(struct kj_store_request *request)
{
    struct child *child = request->arg;
    int64_t id = request->ops[0].new_id;
    if (request->ops[0].status < 0 || write(child->to_parent, &id, sizeof id) != sizeof id)
        _exit(1);
    child_insert(child);
}

static void child_insert(struct child *child)
{
    bson_t *event = doc("s:name", "tick"), *events = bson_new();
    kj_doc_put_doc(events, "0", event);
    bson_destroy(event);
    struct kj_store_request *request = kj_store_request(1, "w", child_done, child);
    request->ops[0].verb = KJ_STORE_INSERT;
    request->ops[0].coll = KJ_CALLS;
    kj_store_own_doc(request, 0, doc("s:state", "queued"));
    kj_store_own_events(request, 0, events);
    kj_store_submit(child->world.store, request);
}

static int64_t kill_in_the_middle(const char *path, size_t after)
{
    int ends[2];
    int64_t id = 0, last = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static struct child child;
        struct kj_fault fault = {0};
        close(ends[0]);
        child.to_parent = ends[1];
        kj_clock_init_system(&child.world.clock);
        child.world.config.path = path;
        if (kj_loop_create(&child.world.clock, &child.world.loop, NULL) < 0 ||
            kj_sqlite_create(child.world.loop, &child.world.config, &child.world.store, &fault) < 0)
            _exit(1);
        for (int i = 0; i < IN_FLIGHT; i++)
            child_insert(&child);
        kj_loop_run(child.world.loop);
        _exit(1);
    }
    close(ends[1]);
    for (size_t i = 0; i < after; i++)
        if (read(ends[0], &id, sizeof id) == sizeof id)
            last = id > last ? id : last;
    kill(pid, SIGKILL);
    while (read(ends[0], &id, sizeof id) == sizeof id) // written before it died
        last = id > last ? id : last;
    close(ends[0]);
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    return last;
}

static void test_kill(void **state)
{
    (void)state;
    struct world world;
    char path[100];
    snprintf(path, sizeof path, "%s/db", g_folder);
    for (size_t round = 1; round <= 8; round++) {
        int64_t last = kill_in_the_middle(path, 37 * round);
        assert_true(last >= 37);
        begin(&world, path); // also: the dead process's lock is gone
        // Every acknowledged one is there, and each has its event.
        int64_t n = (int64_t)find(&world, "w", KJ_CALLS, NULL, NULL, 100000)->n_docs;
        assert_true(n >= last);
        assert_int_equal(kj_doc_int(world.ops->docs[n - 1], "_id", 0), n);
        find(&world, "w", KJ_EVENTS, NULL, "-_id", 1);
        assert_int_equal(kj_doc_int(world.ops->docs[0], "_id", 0), n);
        world_end(&world);
    }
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(g_folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", g_folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
