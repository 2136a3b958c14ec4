// The job that everything is measured with: what one queued call needs, in the size and shape of
// the peers' harness, so that nobody is measured with less.
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>

enum { k_many = 40000 };

int64_t bench_alone(const struct bench *bench)
{
    return bench->jobs / 5 < 3000 ? bench->jobs / 5 : 3000;
}

int64_t bench_crowd(const struct bench *bench)
{
    return bench->jobs / 2;
}

int64_t bench_total(const struct bench *bench)
{
    return bench_alone(bench) + bench_crowd(bench) + bench->jobs;
}

int64_t bench_many(const struct bench *bench)
{
    int64_t count = bench->jobs * 2;
    return bench->short_waits || count > k_many ? count : k_many;
}

static void put_variables(bson_t *job)
{
    bson_t vars = BSON_INITIALIZER, window = BSON_INITIALIZER;
    kj_doc_put_text(&vars, "first_name", "Johanna");
    kj_doc_put_text(&vars, "last_name", "Petersen");
    kj_doc_put_text(&vars, "contract", "KX-2291-77");
    kj_doc_put_text(&vars, "amount", "149.90");
    kj_doc_put_text(&vars, "city", "Hamburg");
    kj_doc_put_doc(job, "vars", &vars);
    kj_doc_put_text(&window, "0", "09:00");
    kj_doc_put_text(&window, "1", "18:00");
    kj_doc_put_array(job, "window", &window);
    bson_destroy(&vars);
    bson_destroy(&window);
}

// 306 bytes as JSON, the peers' very text; 344 as BSON.
static bson_t *payload(int64_t number)
{
    char contact[32], phone[32];
    bson_t *job = bson_new();
    snprintf(contact, sizeof contact, "65a1c0de%016" PRId64, number);
    snprintf(phone, sizeof phone, "+4915%" PRId64, INT64_C(100000000) + number);
    kj_doc_put_int(job, "n", number);
    kj_doc_put_text(job, "campaign", "65a1c0de00000000000000aa");
    kj_doc_put_text(job, "contact", contact);
    kj_doc_put_text(job, "phone", phone);
    kj_doc_put_text(job, "assistant", "renewal-reminder-de");
    kj_doc_put_int(job, "attempt", 1);
    put_variables(job);
    kj_doc_put_text(job, "lang", "de");
    return job;
}

bson_t *bench_request(int64_t number, int64_t due)
{
    bson_t *request = bson_new(), *job = payload(number);
    kj_doc_put_text(request, "kind", BENCH_KIND);
    if (due)
        kj_doc_put_time(request, "due", due);
    kj_doc_put_doc(request, "payload", job);
    bson_destroy(job);
    return request;
}

void bench_delay_lines(const struct bench *bench, const struct bench_starts *starts, uint64_t from,
                       int64_t count, int64_t first_due, const char *step)
{
    double *late = bson_malloc((size_t)count * sizeof *late), least = 1e12;
    char name[64];
    // Jobs are started in the order in which they are due, so the n-th start is the n-th job's
    // unless one is more than 4 ms late.
    for (int64_t i = 0; i < count; i++) {
        int64_t due_ns = (first_due + i * 4) * 1000000;
        late[i] = (double)(starts->wall_ns[(from + (uint64_t)i) % BENCH_STARTS] - due_ns) / 1e6;
        least = late[i] < least ? late[i] : least;
    }
    snprintf(name, sizeof name, "%s_min", step);
    bench_line(bench, name, least, "ms");
    bench_lines_of(bench, step, late, (size_t)count, "ms");
    bson_free(late);
}
