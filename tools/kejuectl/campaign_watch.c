// kejuectl campaign.watch ID: a bar until the campaign has ended, then what came of it.
#include "ctl.h"

#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>
#include <stdlib.h>
#include <string.h>

enum { k_each_ms = 1000 };

static bool is_over(const bson_t *stats)
{
    static const char *const k_over[] = {"completed", "canceled", "failed", "ended"};
    const char *status = kj_doc_text(stats, "status", "");
    for (size_t i = 0; i < KJ_COUNT(k_over); i++)
        if (strcmp(status, k_over[i]) == 0)
            return true;
    return false;
}

static int64_t open_jobs(const bson_t *stats)
{
    return kj_doc_int(stats, "states.waiting", 0) + kj_doc_int(stats, "states.running", 0);
}

static void draw(struct ctl_bar *bar, const bson_t *stats)
{
    char more[160];
    int64_t jobs = kj_doc_int(stats, "jobs", 0), planned = kj_doc_int(stats, "calls_scheduled", 0);
    snprintf(more, sizeof more, "leads done, %lld attempts, %lld reached, %s",
             (long long)kj_doc_int(stats, "attempts", 0),
             (long long)kj_doc_int(stats, "reached", 0), kj_doc_text(stats, "status", "?"));
    ctl_bar_draw(bar, jobs - open_jobs(stats), jobs > planned ? jobs : planned, more);
}

int ctl_campaign_watch(struct ctl *ctl, char **words, int count)
{
    struct ctl_bar bar = {ctl, "campaign", 0};
    bson_t *args = NULL, *stats = NULL;
    int code = ctl_arguments(ctl, "campaign.stats", words, count, &args);
    while (code == CTL_OK) {
        code = ctl_ask(ctl, "campaign.stats", args, &stats);
        if (code != CTL_OK || is_over(stats))
            break;
        draw(&bar, stats);
        bson_destroy(stats);
        stats = NULL;
        nng_msleep(k_each_ms);
    }
    ctl_bar_end(&bar);
    if (code == CTL_OK && ctl->json)
        ctl_put_json(stats);
    else if (code == CTL_OK)
        ctl_show(ctl, stats);
    if (stats)
        bson_destroy(stats);
    if (args)
        bson_destroy(args);
    return code;
}
