// Tasks and the turning of the loop.
//
// We turn uv by single rounds instead of hanging our work on its prepare and check handles: what
// runs between two rounds is then plain code, the same for real and virtual time.
#include "loop/loop_parts.h"

#include "base/alloc.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

// Per turn with a real clock, so that neither an endless chain of tasks nor of timers can starve
// the sockets.
enum { TASKS_PER_TURN = 1024, TIMERS_PER_TURN = 256 };

static void append(struct kj_loop *loop, struct kj_task *task)
{
    task->next = NULL;
    if (loop->ready_last)
        loop->ready_last->next = task;
    else
        loop->ready = task;
    loop->ready_last = task;
}

static void take_inbox(struct kj_loop *loop)
{
    if (atomic_load_explicit(&loop->inbox, memory_order_relaxed) == NULL)
        return;
    struct kj_task *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    struct kj_task *oldest = NULL;
    while (newest) {
        struct kj_task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct kj_task *next = oldest->next;
        append(loop, oldest);
        oldest = next;
    }
}

static void on_bell(uv_poll_t *bell, int status, int events)
{
    struct kj_loop *loop = bell->data;
    uint64_t rings;
    (void)status;
    (void)events;
    (void)!read(loop->bell_fd, &rings, sizeof rings); // what was posted is taken after each round
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

// A peer that hangs up must be an error code, not the end of the process: OpenSSL under curl
// writes without MSG_NOSIGNAL. A handler somebody installed is left alone.
static void ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        sigaction(SIGPIPE, &action, NULL);
    }
}

int kj_loop_create(struct kj_clock *clock, struct kj_loop **out, struct kj_fault *fault)
{
    struct kj_loop *loop = KJ_NEW(struct kj_loop);
    loop->clock = clock;
    kj_heap_init(&loop->by_mono);
    kj_heap_init(&loop->by_wall);
    loop->bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = loop->bell_fd < 0 ? uv_translate_sys_error(errno) : uv_loop_init(&loop->uv);
    if (rc < 0)
        goto fail;
    rc = uv_poll_init(&loop->uv, &loop->bell, loop->bell_fd);
    if (rc == 0)
        rc = uv_poll_start(&loop->bell, UV_READABLE, on_bell);
    if (rc < 0) {
        uv_loop_close(&loop->uv);
        goto fail;
    }
    loop->bell.data = loop;
    uv_timer_init(&loop->uv, &loop->timer);
    loop->timer.data = loop;
    uv_idle_init(&loop->uv, &loop->idle);
    ignore_sigpipe();
    *out = loop;
    return 0;
fail:
    if (loop->bell_fd >= 0)
        close(loop->bell_fd);
    free(loop);
    return kj_fault(fault, KJ_EIO, "loop", "raise the limit of open files (ulimit -n)",
                    "The event loop could not be set up: %s.", uv_strerror(rc));
}

static void close_left_over(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (uv_is_closing(handle))
        return;
    kj_log(KJ_LOG_ERROR, "loop", "a handle was still open when the loop ended", "handle",
           uv_handle_type_name(handle->type), NULL);
    uv_close(handle, NULL);
}

void kj_loop_destroy(struct kj_loop *loop)
{
    if (loop == NULL)
        return;
    uv_close((uv_handle_t *)&loop->bell, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_walk(&loop->uv, close_left_over, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT); // the close callbacks, also those of other rooms
    int rc = uv_loop_close(&loop->uv);
    if (rc < 0)
        kj_log(KJ_LOG_ERROR, "loop", "the event loop did not close", "error", uv_strerror(rc),
               NULL);
    close(loop->bell_fd);
    kj_heap_fini(&loop->by_mono);
    kj_heap_fini(&loop->by_wall);
    free(loop);
}

void kj_loop_kick(struct kj_loop *loop)
{
    if (loop->in_uv)
        uv_idle_start(&loop->idle, on_idle);
}

void kj_loop_post(struct kj_loop *loop, struct kj_task *task)
{
    append(loop, task);
    kj_loop_kick(loop);
}

void kj_loop_leave_from_thread(struct kj_loop *loop, struct kj_task *task)
{
    struct kj_task *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, task));
}

// A loop that is awake looks into its inbox before it sleeps, so that under load nobody rings. Not
// by uv_async_send: its receiver, when it wakes on the sender's processor before that has returned,
// turns on the spot and then yields until the sender had its turn.
void kj_loop_wake_from_thread(struct kj_loop *loop)
{
    uint64_t once = 1;
    if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false))
        (void)!write(loop->bell_fd, &once, sizeof once);
}

void kj_loop_post_from_thread(struct kj_loop *loop, struct kj_task *task)
{
    kj_loop_leave_from_thread(loop, task);
    kj_loop_wake_from_thread(loop);
}

bool kj_loop_unpost(struct kj_loop *loop, struct kj_task *task)
{
    take_inbox(loop);
    if (loop->ready)
        kj_loop_kick(loop);
    struct kj_task *before = NULL;
    for (struct kj_task *at = loop->ready; at; before = at, at = at->next) {
        if (at != task)
            continue;
        if (before)
            before->next = at->next;
        else
            loop->ready = at->next;
        if (loop->ready_last == at)
            loop->ready_last = before;
        return true;
    }
    return false;
}

size_t kj_loop_run_ready(struct kj_loop *loop, size_t budget)
{
    size_t ran = 0;
    while (ran < budget && loop->ready && !loop->stopping) {
        struct kj_task *task = loop->ready;
        loop->ready = task->next;
        if (loop->ready == NULL)
            loop->ready_last = NULL;
        task->run(task);
        ran++;
    }
    return ran;
}

void kj_loop_poll(struct kj_loop *loop, bool block)
{
    bool sleep = block && loop->ready == NULL;
    if (sleep)
        atomic_store(&loop->asleep, true); // first this, then the look: see who posts
    loop->in_uv = true;
    uv_run(&loop->uv, sleep && atomic_load(&loop->inbox) == NULL ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    loop->in_uv = false;
    if (sleep)
        atomic_store_explicit(&loop->asleep, false, memory_order_relaxed);
    take_inbox(loop);
    uv_idle_stop(&loop->idle);
    loop->fired_since_poll = 0;
    loop->polled_ns = kj_clock_real_mono_ns();
}

static void real_turn(struct kj_loop *loop)
{
    kj_loop_check_step(loop);
    size_t left = TASKS_PER_TURN;
    left -= kj_loop_run_ready(loop, left);
    for (int fired = 0; fired < TIMERS_PER_TURN && !loop->stopping; fired++) {
        if (!kj_loop_fire_due(loop))
            break;
        left -= kj_loop_run_ready(loop, left);
    }
    if (!loop->stopping)
        kj_loop_poll(loop, kj_loop_arm(loop));
}

void kj_loop_run(struct kj_loop *loop)
{
    while (!loop->stopping) {
        if (kj_loop_is_virtual(loop))
            kj_loop_virtual_turn(loop);
        else
            real_turn(loop);
    }
    loop->stopping = false;
}

void kj_loop_stop(struct kj_loop *loop)
{
    loop->stopping = true;
    kj_loop_kick(loop);
}

uv_loop_t *kj_loop_uv(struct kj_loop *loop)
{
    return &loop->uv;
}

const struct kj_clock *kj_loop_clock(const struct kj_loop *loop)
{
    return loop->clock;
}

int64_t kj_loop_now(const struct kj_loop *loop)
{
    return kj_clock_now(loop->clock);
}

int64_t kj_loop_mono(const struct kj_loop *loop)
{
    return kj_clock_mono(loop->clock);
}

bool kj_loop_is_virtual(const struct kj_loop *loop)
{
    return loop->clock->kind == KJ_CLOCK_VIRTUAL;
}
