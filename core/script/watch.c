// A timer on the thread's CPU clock and a signal that only this thread gets. The handler counts
// ticks and sets Lua's hook, which lua_sethook allows at any moment of the same thread.
#include "script/watch.h"

#include "base/log.h"
#include "script/vm.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK_SIGNAL = SIGVTALRM };

static __thread struct kj_vm *volatile now; // whose bracket this thread is in
static __thread bool started;
static __thread timer_t timer;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t ending;

static void on_tick(int signal)
{
    (void)signal;
    struct kj_vm *vm = now;
    if (vm && vm->ticks > 0 && --vm->ticks == 0) {
        kj_vm_hurry(vm);
    }
}

static void stop_clock(void *arg)
{
    (void)arg;
    timer_delete(timer);
}

static void once_a_process(void)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    sigaction(TICK_SIGNAL, &action, NULL);
    pthread_key_create(&ending, stop_clock);
}

void kj_watch_start(void)
{
    if (started) {
        return;
    }
    started = true;
    pthread_once(&once, once_a_process);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TICK_SIGNAL};
    event._sigev_un._tid = gettid();
    struct timespec tick = {.tv_nsec = KJ_WATCH_TICK_MS * 1000000};
    struct itimerspec when = {.it_interval = tick, .it_value = tick};
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, TICK_SIGNAL);
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) {
        kj_log(KJ_LOG_ERROR, "script",
               "this system gives a thread no CPU timer: scripts are stopped by their count of "
               "instructions only",
               NULL);
        return;
    }
    pthread_setspecific(ending, &timer);
    timer_settime(timer, 0, &when, NULL);
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL); // threads of a pool mask everything
}

void kj_watch_enter(struct kj_vm *vm)
{
    kj_watch_start();
    if (now != vm) {
        vm->outer = now;
        now = vm;
    }
}

void kj_watch_leave(struct kj_vm *vm)
{
    if (now == vm) {
        now = vm->outer;
    }
}
