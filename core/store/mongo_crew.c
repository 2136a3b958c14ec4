// The crew: the threads that run the batches of one wave side by side, so that a wave costs about
// one round trip however many collections it writes to.
#include "store/mongo.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdlib.h>

struct kj_mongo_crew {
    struct kj_mongo *mongo;
    uv_mutex_t mutex;
    uv_cond_t wake, done;
    const struct kj_mongo_batches *batches; // NULL: nothing to do
    size_t next, left;
    bool ending;
    uv_thread_t *threads;
    int count;
};

// Under the mutex, which is given up meanwhile. False when no batch is left to take.
static bool run_one(struct kj_mongo_crew *crew)
{
    const struct kj_mongo_batches *batches = crew->batches;
    if (batches == NULL || crew->next == batches->count)
        return false;
    size_t n = crew->next++, first = n ? batches->ends[n - 1] : 0;
    uv_mutex_unlock(&crew->mutex);
    kj_mongo_batch(crew->mongo, batches->items + first, batches->ends[n] - first);
    uv_mutex_lock(&crew->mutex);
    if (--crew->left == 0)
        uv_cond_signal(&crew->done);
    return true;
}

static void crew_thread(void *arg)
{
    struct kj_mongo_crew *crew = arg;
    pthread_setname_np(pthread_self(), "store-crew");
    uv_mutex_lock(&crew->mutex);
    while (!crew->ending)
        if (!run_one(crew))
            uv_cond_wait(&crew->wake, &crew->mutex);
    uv_mutex_unlock(&crew->mutex);
}

struct kj_mongo_crew *kj_mongo_crew_create(struct kj_mongo *mongo, int threads)
{
    struct kj_mongo_crew *crew = KJ_NEW(struct kj_mongo_crew);
    crew->mongo = mongo;
    uv_mutex_init(&crew->mutex);
    uv_cond_init(&crew->wake);
    uv_cond_init(&crew->done);
    crew->threads = kj_alloc((size_t)threads * sizeof *crew->threads);
    while (crew->count < threads &&
           uv_thread_create(&crew->threads[crew->count], crew_thread, crew) == 0)
        crew->count++; // fewer are slower, not wrong: whoever calls runs batches too
    return crew;
}

void kj_mongo_crew_run(struct kj_mongo_crew *crew, const struct kj_mongo_batches *batches)
{
    uv_mutex_lock(&crew->mutex);
    crew->batches = batches;
    crew->next = 0;
    crew->left = batches->count;
    if (batches->count > 1)
        uv_cond_broadcast(&crew->wake);
    while (run_one(crew))
        ;
    while (crew->left > 0)
        uv_cond_wait(&crew->done, &crew->mutex);
    crew->batches = NULL;
    uv_mutex_unlock(&crew->mutex);
}

void kj_mongo_crew_destroy(struct kj_mongo_crew *crew)
{
    if (crew == NULL)
        return;
    uv_mutex_lock(&crew->mutex);
    crew->ending = true;
    uv_cond_broadcast(&crew->wake);
    uv_mutex_unlock(&crew->mutex);
    for (int i = 0; i < crew->count; i++)
        uv_thread_join(&crew->threads[i]);
    uv_cond_destroy(&crew->done);
    uv_cond_destroy(&crew->wake);
    uv_mutex_destroy(&crew->mutex);
    free(crew->threads);
    free(crew);
}
