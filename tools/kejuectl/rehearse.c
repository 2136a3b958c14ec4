// kejuectl campaign.rehearse id=N: asks until the rehearsal has ended, with its progress meanwhile;
// then its figures, with the calls of each hour as one sign.
#include "ctl.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { k_hour_ms = 3600000, k_day_ms = 86400000, k_hours = 24 };

// --- progress ---

static void tell_progress(struct ctl_bar *bar, const bson_t *answer, int64_t *told)
{
    char more[96];
    long long calls = (long long)kj_doc_int(answer, "progress.calls", 0);
    int64_t day = kj_doc_int(answer, "progress.day", 0);
    int64_t days = kj_doc_int(answer, "progress.days", 0);
    snprintf(more, sizeof more, "days, %lld calls, %lld reached (simulated)", calls,
             (long long)kj_doc_int(answer, "progress.reached", 0));
    if (bar->ctl->progress && days)
        ctl_bar_draw(bar, day, days, more);
    else if (!bar->ctl->json && calls != *told)
        fprintf(stderr, "rehearsal: %lld/%lld %s\n", (long long)day, (long long)days, more);
    *told = calls;
}

// --- the plot: a line for each day, a sign for each hour ---

static int64_t most_calls(const bson_t *rows)
{
    int64_t most = 1;
    bson_iter_t at, in;
    for (bson_iter_init(&at, rows); bson_iter_next(&at);)
        if (bson_iter_recurse(&at, &in) && bson_iter_find(&in, "calls") &&
            bson_iter_as_int64(&in) > most)
            most = bson_iter_as_int64(&in);
    return most;
}

struct day {
    int64_t at, calls, reached; // at: wall ms of its midnight
    char signs[k_hours + 1];
};

static void put_day(struct kj_buf *out, struct day *day)
{
    if (day->calls == 0)
        return;
    struct kj_buf date;
    kj_buf_init(&date, 0);
    ctl_time(&date, day->at);
    kj_buf_addf(out, "  %.10s |%s| %lld calls, %lld reached\n", date.data, day->signs,
                (long long)day->calls, (long long)day->reached);
    kj_buf_fini(&date);
}

static void put_plot(struct kj_buf *out, const bson_t *rows)
{
    static const char k_signs[] = " .:-=+*#%@";
    int64_t most = most_calls(rows);
    struct day day = {0};
    bson_iter_t at;
    kj_buf_addf(out, "calls per hour (UTC; @ = %lld)\n  %10s |0     6     12    18    |\n",
                (long long)most, "");
    for (bson_iter_init(&at, rows); bson_iter_next(&at);) {
        bson_t row;
        if (!kj_doc_at(&at, &row))
            continue;
        int64_t when = kj_doc_time(&row, "at", 0), calls = kj_doc_int(&row, "calls", 0);
        if (when / k_day_ms * k_day_ms != day.at) {
            put_day(out, &day);
            day = (struct day){.at = when / k_day_ms * k_day_ms};
            memset(day.signs, ' ', k_hours);
        }
        day.signs[when % k_day_ms / k_hour_ms] = k_signs[1 + calls * 8 / most];
        day.calls += calls;
        day.reached += kj_doc_int(&row, "reached", 0);
    }
    put_day(out, &day);
}

// --- figures ---

static double money(const bson_t *result, const char *path)
{
    return (double)kj_doc_int(result, path, 0) / 1e6;
}

static void put_end(struct kj_buf *out, const bson_t *result)
{
    kj_buf_adds(out, "finishes   ");
    if (kj_doc_bool(result, "finished", false))
        ctl_time(out, kj_doc_time(result, "finished_at", 0));
    else
        kj_buf_addf(out, "not within %lld days: %lld leads still wait for a call",
                    (long long)kj_doc_int(result, "days", 0),
                    (long long)kj_doc_int(result, "jobs.waiting", 0));
    kj_buf_addc(out, '\n');
}

static void put_figures(const struct ctl *ctl, struct kj_buf *out, const bson_t *result)
{
    const char *currency = kj_doc_text(result, "cost.currency", "");
    ctl_color(ctl, out, CTL_BOLD, "SIMULATED: nobody was called");
    kj_buf_addf(out, "\ncampaign   %s, %lld leads, %lld days from ",
                kj_doc_text(result, "name", ""), (long long)kj_doc_int(result, "leads", 0),
                (long long)kj_doc_int(result, "days", 0));
    ctl_time(out, kj_doc_time(result, "start", 0));
    kj_buf_addf(out, ", seed %lld\n", (long long)kj_doc_int(result, "seed", 0));
    kj_buf_addf(out, "calls      %lld\n", (long long)kj_doc_int(result, "calls", 0));
    kj_buf_addf(out, "reached    %lld leads (%.1f %%) by %lld calls\n",
                (long long)kj_doc_int(result, "reached.leads", 0),
                100 * kj_doc_real(result, "reached.share", 0),
                (long long)kj_doc_int(result, "reached.calls", 0));
    kj_buf_addf(out, "cost       %.2f %s for %lld minutes, %.3f %s for each lead reached\n",
                money(result, "cost.amount_micros"), currency,
                (long long)kj_doc_int(result, "cost.minutes", 0),
                money(result, "cost.per_reached_micros"), currency);
    put_end(out, result);
    kj_buf_addf(out, "lines      %lld, at most %lld in use; all of them %.1f %% of the busy time\n",
                (long long)kj_doc_int(result, "pressure.lines", 0),
                (long long)kj_doc_int(result, "pressure.peak", 0),
                100 * kj_doc_real(result, "pressure.at_limit_share", 0));
}

static void show_part(const struct ctl *ctl, const bson_t *result, const char *name,
                      const char *title)
{
    bson_t whole = BSON_INITIALIZER;
    kj_doc_put_from(&whole, title, result, name);
    if (kj_doc_count(result, name))
        ctl_show_pairs(ctl, &whole, 0);
    bson_destroy(&whole);
}

static void show(const struct ctl *ctl, const bson_t *result)
{
    struct kj_buf out;
    bson_t rows;
    kj_buf_init(&out, 0);
    put_figures(ctl, &out, result);
    if (kj_doc_child(result, "per_hour", &rows) && bson_count_keys(&rows))
        put_plot(&out, &rows);
    ctl_flush(&out);
    kj_buf_fini(&out);
    show_part(ctl, result, "success", "success");
    show_part(ctl, result, "dispositions", "dispositions");
    show_part(ctl, result, "messages", "messages, not sent");
    show_part(ctl, result, "never", "can never be called");
    show_part(ctl, result, "not_in_time", "not called in time");
    show_part(ctl, result, "assumptions", "assumed");
}

int ctl_rehearse(struct ctl *ctl, char **words, int count)
{
    struct ctl_bar bar = {ctl, "rehearsal", 0};
    bson_t *args = NULL, *answer = NULL;
    int64_t told = 0;
    int code = ctl_arguments(ctl, "campaign.rehearse", words, count, &args);
    while (code == CTL_OK) {
        code = ctl_ask(ctl, "campaign.rehearse", args, &answer);
        const char *operation = code == CTL_OK ? kj_doc_text(answer, "operation", NULL) : NULL;
        if (operation == NULL)
            break;
        tell_progress(&bar, answer, &told);
        bson_destroy(args);
        args = bson_new();
        kj_doc_put_text(args, "operation", operation);
        bson_destroy(answer);
        answer = NULL;
    }
    ctl_bar_end(&bar);
    if (code == CTL_OK && ctl->json)
        ctl_put_json(answer);
    else if (code == CTL_OK)
        show(ctl, answer);
    if (answer)
        bson_destroy(answer);
    if (args)
        bson_destroy(args);
    return code;
}
