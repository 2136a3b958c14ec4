// The offload pool: a queue, threads, and one list of what is not yet done, which belongs to the
// loop thread so that destroy can hand everything back in order.
#include "loop/pool.h"

#include "base/alloc.h"
#include "base/sched.h"
#include "base/str.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

enum { WAKE_EVERY_NS = 300000, MOST_SPARES = 4, LONG_NICE = 10 };

struct kj_pool {
    struct kj_loop *loop;
    char name[16];        // the kernel's limit for a thread's name
    size_t limit, wanted; // works, threads
    bool closing;
    struct kj_work *outstanding, *outstanding_last; // loop thread

    pthread_mutex_t lock; // guards what follows
    pthread_cond_t wake;
    struct kj_work *queue, *queue_last;
    size_t queued;
    bool ending;

    sem_t relief;       // posted once for each place that is given up
    int usable;         // atomic: threads that serve, or wait to
    int most;           // of these
    struct seat *seats; // loop thread, but for `left`; NULL with a virtual clock
    int seat_count;
};

struct seat { // of one thread
    struct kj_pool *pool;
    pthread_t thread;
    bool used, left; // the latter atomic: it ends by itself
};

// What this thread serves, or NULL; and whether its work takes long.
static _Thread_local struct kj_pool *volatile served;
static _Thread_local volatile sig_atomic_t takes_long;

static struct kj_work *work_of(struct kj_task *task)
{
    return (struct kj_work *)((char *)task - offsetof(struct kj_work, task));
}

// The first of the queue, and of those behind it what is worked at together with it: this thread's
// share of all that wait.
static struct kj_work *unqueue(struct kj_pool *pool)
{
    struct kj_work *first = pool->queue, *last = first;
    size_t share = pool->queued / pool->wanted + 1, count = 1;
    share = share < KJ_MOST_TOGETHER ? share : KJ_MOST_TOGETHER;
    first->taken = true;
    for (; first->together && count < share; count++) {
        if (last->next == NULL || last->next->together != first->together)
            break;
        last = last->next;
        last->taken = true;
    }
    pool->queue = last->next;
    if (pool->queue == NULL)
        pool->queue_last = NULL;
    pool->queued -= count;
    last->next = NULL;
    return first;
}

// The next work, or NULL when the thread shall end. `unsaid`: finished works that the loop has not
// been woken for.
static struct kj_work *take(struct kj_pool *pool, bool *unsaid)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->queue == NULL && !pool->ending) {
        if (*unsaid)
            kj_loop_wake_from_thread(pool->loop);
        *unsaid = false;
        pthread_cond_wait(&pool->wake, &pool->lock);
    }
    struct kj_work *work = pool->ending ? NULL : unqueue(pool);
    pthread_mutex_unlock(&pool->lock);
    return work;
}

void kj_pool_takes_long(void)
{
    struct kj_pool *pool = served;
    if (pool && !takes_long) {
        takes_long = 1;
        kj_sched_behind(0, LONG_NICE);
        sem_post(&pool->relief);
    }
}

// Waking the loop costs more than a short work, so one that has more to do wakes it only now and
// then; what is finished waits at most for the work that was queued behind it. A work that took
// long is a thread's last: without privileges it cannot have its priority back.
static void serve(struct kj_pool *pool)
{
    bool unsaid = false, ends = false;
    int64_t woken = 0;
    for (struct kj_work *work; !ends && (work = take(pool, &unsaid));) {
        work->work(work);
        ends = takes_long;
        if (ends) // before the loop hears of it, which then starts another
            __atomic_sub_fetch(&pool->usable, 1, __ATOMIC_RELAXED);
        for (struct kj_work *next; work; work = next) {
            next = work->next;
            kj_loop_leave_from_thread(pool->loop, &work->task); // it may be gone from here on
        }
        int64_t now = kj_clock_real_mono_ns();
        unsaid = now - woken < WAKE_EVERY_NS;
        if (unsaid)
            continue;
        kj_loop_wake_from_thread(pool->loop);
        woken = now;
    }
    if (unsaid)
        kj_loop_wake_from_thread(pool->loop);
}

static void *thread_main(void *arg)
{
    struct seat *seat = arg;
    kj_sched_behind(0, 0); // also of the first milliseconds of a work that will take long
    served = seat->pool;
    serve(seat->pool);
    __atomic_store_n(&seat->left, true, __ATOMIC_RELEASE);
    return NULL;
}

static void *spare_main(void *arg)
{
    struct seat *seat = arg;
    while (sem_wait(&seat->pool->relief) != 0) { // a signal
    }
    return thread_main(arg);
}

// One that nobody sits on.
static struct seat *free_seat(struct kj_pool *pool)
{
    for (int i = 0; i < pool->seat_count; i++) {
        struct seat *seat = &pool->seats[i];
        if (seat->used && __atomic_load_n(&seat->left, __ATOMIC_ACQUIRE)) {
            pthread_join(seat->thread, NULL); // it is at its end
            seat->used = false;
        }
        if (!seat->used)
            return seat;
    }
    return NULL;
}

// Signals are the loop's business.
static int start_thread(struct kj_pool *pool, void *(*run)(void *))
{
    sigset_t all, before;
    struct seat *seat = free_seat(pool);
    if (seat == NULL)
        return KJ_EUNAVAILABLE;
    seat->pool = pool;
    seat->left = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    seat->used = pthread_create(&seat->thread, NULL, run, seat) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!seat->used)
        return KJ_EUNAVAILABLE;
    __atomic_add_fetch(&pool->usable, 1, __ATOMIC_RELAXED);
    pthread_setname_np(seat->thread, pool->name);
    return 0;
}

// Takes the work off the books and calls its `done`, after which pool and work may be gone.
static void finish(struct kj_work *work)
{
    struct kj_pool *pool = work->pool;
    if (work->earlier)
        work->earlier->later = work->later;
    else
        pool->outstanding = work->later;
    if (work->later)
        work->later->earlier = work->earlier;
    else
        pool->outstanding_last = work->earlier;
    work->done(work);
}

static void on_worked(struct kj_task *task)
{
    struct kj_work *work = work_of(task);
    struct kj_pool *pool = work->pool;
    if (__atomic_load_n(&pool->usable, __ATOMIC_RELAXED) < pool->most && !pool->closing)
        (void)start_thread(pool, spare_main); // else with the next one
    finish(work);
}

static void work_inline(struct kj_task *task)
{
    struct kj_work *work = work_of(task);
    work->taken = true;
    work->pool->queued--;
    work->work(work);
    finish(work);
}

int kj_pool_create(struct kj_loop *loop, const char *name, int threads, size_t queue_limit,
                   struct kj_pool **out)
{
    if (threads < 1 || queue_limit == 0)
        return KJ_EINVAL;
    struct kj_pool *pool = KJ_NEW(struct kj_pool);
    pool->loop = loop;
    pool->limit = queue_limit;
    pool->wanted = (size_t)threads;
    kj_copy(pool->name, sizeof pool->name, name);
    pthread_mutexattr_t adaptive;
    pthread_mutexattr_init(&adaptive);
    pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&pool->lock, &adaptive);
    pthread_mutexattr_destroy(&adaptive);
    pthread_cond_init(&pool->wake, NULL);
    sem_init(&pool->relief, 0, 0);
    pool->most = threads;
    if (!kj_loop_is_virtual(loop)) {
        pool->seat_count = threads + 2 * MOST_SPARES; // some may be about to leave
        pool->seats = kj_alloc((size_t)pool->seat_count * sizeof *pool->seats);
        for (int i = 0; i < threads; i++) {
            int rc = start_thread(pool, thread_main);
            if (rc < 0) {
                kj_pool_destroy(pool);
                return rc;
            }
        }
    }
    *out = pool;
    return 0;
}

int kj_pool_spare(struct kj_pool *pool, int count)
{
    int rc = count > MOST_SPARES ? KJ_EINVAL : KJ_OK;
    for (int i = 0; i < count && rc == KJ_OK && pool->seats; i++) {
        rc = start_thread(pool, spare_main);
        pool->most += rc == KJ_OK;
    }
    return rc;
}

void kj_pool_destroy(struct kj_pool *pool)
{
    if (pool == NULL)
        return;
    pool->closing = true;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->seat_count; i++)
        sem_post(&pool->relief);
    for (int i = 0; i < pool->seat_count; i++)
        if (pool->seats[i].used)
            pthread_join(pool->seats[i].thread, NULL);
    for (struct kj_work *work; (work = pool->outstanding);) {
        kj_loop_unpost(pool->loop, &work->task);
        work->canceled = !work->taken;
        finish(work);
    }
    sem_destroy(&pool->relief);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->seats);
    free(pool);
}

// False when the queue is full.
static bool enqueue(struct kj_pool *pool, struct kj_work *work)
{
    pthread_mutex_lock(&pool->lock);
    bool fits = pool->queued < pool->limit;
    if (fits && pool->seats) {
        if (pool->queue_last)
            pool->queue_last->next = work;
        else
            pool->queue = work;
        pool->queue_last = work;
    }
    pool->queued += fits;
    pthread_mutex_unlock(&pool->lock);
    if (fits && pool->seats) // not under the lock: the thread would wake and wait for that
        pthread_cond_signal(&pool->wake);
    return fits;
}

int kj_pool_submit(struct kj_pool *pool, struct kj_work *work)
{
    if (pool->closing)
        return KJ_ECANCELED;
    work->canceled = work->taken = false;
    work->next = work->later = NULL;
    work->pool = pool;
    work->task.run = pool->seats ? on_worked : work_inline;
    if (!enqueue(pool, work))
        return KJ_EFULL;
    work->earlier = pool->outstanding_last;
    if (pool->outstanding_last)
        pool->outstanding_last->later = work;
    else
        pool->outstanding = work;
    pool->outstanding_last = work;
    if (pool->seats == NULL)
        kj_loop_post(pool->loop, &work->task);
    return 0;
}
