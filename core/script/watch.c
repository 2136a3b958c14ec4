// A timer on the CPU clock of each thread that judges, made once, and a signal that only this
// thread gets: a bracket costs no call into the kernel, and a thread that sleeps is not woken.
// Setting a hook is what Lua allows in a signal handler (lua.c stops scripts so); from another
// thread it is not.
#include "script/watch.h"

#include "base/log.h"
#include "script/vm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

// SIGURG does nothing by itself: one that comes late, or from elsewhere, harms nobody.
enum { TICK_SIGNAL = SIGURG };

static _Thread_local struct kj_vm *volatile now; // whose bracket this thread is in
static _Thread_local enum { NEW, RUNNING, IMPOSSIBLE } state;
static _Thread_local timer_t timer;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit; // deletes the timer of a thread that ends
static bool ready;

static void on_tick(int number)
{
    (void)number;
    struct kj_vm *vm = now;
    if (vm) {
        kj_vm_tick(vm);
    }
}

static void end_timer(void *arg)
{
    (void)arg;
    timer_delete(timer);
}

static void prepare(void)
{
    struct sigaction before, action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
#ifdef __SANITIZE_THREAD__
    return; // it holds signals back until the thread calls something that it knows
#endif
    sigemptyset(&action.sa_mask);
    ready = sigaction(TICK_SIGNAL, NULL, &before) == 0 && before.sa_handler == SIG_DFL &&
            pthread_key_create(&at_exit, end_timer) == 0 &&
            sigaction(TICK_SIGNAL, &action, NULL) == 0;
    if (!ready) {
        kj_log(KJ_LOG_ERROR, "script",
               "threads cannot be watched here: scripts are stopped by their count of instructions "
               "alone",
               NULL);
    }
}

static bool make_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TICK_SIGNAL};
    struct timespec tick = {.tv_nsec = KJ_WATCH_TICK_MS * 1000000};
    struct itimerspec every = {tick, tick};
    sigset_t ours;
    event._sigev_un._tid = gettid();
    sigemptyset(&ours);
    sigaddset(&ours, TICK_SIGNAL);
    pthread_once(&once, prepare);
    if (!ready || timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) {
        return false;
    }
    if (pthread_setspecific(at_exit, &timer) != 0 || timer_settime(timer, 0, &every, NULL) != 0) {
        timer_delete(timer);
        pthread_setspecific(at_exit, NULL);
        return false;
    }
    return pthread_sigmask(SIG_UNBLOCK, &ours, NULL) == 0; // a pool's threads mask everything
}

bool kj_watch_start(void)
{
    if (state == NEW) {
        state = make_timer() ? RUNNING : IMPOSSIBLE;
    }
    return state == RUNNING;
}

bool kj_watch_enter(struct kj_vm *vm)
{
    if (now != vm) {
        vm->outer = now;
        atomic_signal_fence(memory_order_seq_cst);
        now = vm;
    }
    return kj_watch_start();
}

void kj_watch_leave(struct kj_vm *vm)
{
    if (now == vm) {
        now = vm->outer;
    }
    atomic_signal_fence(memory_order_seq_cst);
}
