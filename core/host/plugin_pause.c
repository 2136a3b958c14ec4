// Pausing an instance whose credential or account the vendor refuses.
//
// Three such outcomes in a row pause it: hammering a vendor with a dead token locks accounts, and
// every job would burn an attempt. One probe is let through when the wait is over; it decides. A
// single 403 about one record does not pause anything.
#include "base/log.h"
#include "host/home.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KJ_PAUSE_AFTER = 3, KJ_PAUSE_FIRST_MS = 60000, KJ_PAUSE_MOST_MS = 30 * 60000 };

int kj_pause_check(struct kejue_ctx *ctx, struct kj_fault *fault)
{
    struct kj_pause *pause = &ctx->pause;
    if (pause->until == 0)
        return 0;
    int64_t left = pause->until - kj_loop_mono(ctx->host->loop);
    if (left > 0 || pause->probing)
        return kj_fault(fault, KJ_EUNAVAILABLE, ctx->name,
                        "correct the token or the account; a probe follows by itself",
                        "paused for %" PRId64 " s: %s", left > 0 ? (left + 999) / 1000 : 0,
                        pause->text);
    pause->probing = true;
    return 0;
}

static void kj_pause_begin(struct kejue_ctx *ctx, const struct kj_verdict *verdict)
{
    struct kj_pause *pause = &ctx->pause;
    int64_t doubled = pause->wait_ms ? 2 * pause->wait_ms : KJ_PAUSE_FIRST_MS;
    pause->wait_ms = doubled > KJ_PAUSE_MOST_MS ? KJ_PAUSE_MOST_MS : doubled;
    int64_t wait =
        verdict->retry_after_ms > pause->wait_ms ? verdict->retry_after_ms : pause->wait_ms;
    pause->until = kj_loop_mono(ctx->host->loop) + wait;
    snprintf(pause->text, sizeof pause->text, "%s: %.100s", kj_class_name(verdict->class),
             verdict->text[0] ? verdict->text : verdict->code);
    kj_log(KJ_LOG_WARN, "plugin", "instance paused", "instance", ctx->name, "reason", pause->text,
           NULL);
}

void kj_pause_note(struct kejue_ctx *ctx, const struct kj_verdict *verdict)
{
    struct kj_pause *pause = &ctx->pause;
    bool probing = pause->probing;
    pause->probing = false;
    switch (verdict->class) {
    case KEJUE_CREDENTIAL:
    case KEJUE_ACCOUNT:
        if (++pause->in_a_row >= KJ_PAUSE_AFTER && (pause->until == 0 || probing))
            kj_pause_begin(ctx, verdict);
        break;
    case KEJUE_OK:
    case KEJUE_CALLER: // the vendor let us in
        if (pause->until)
            kj_log(KJ_LOG_INFO, "plugin", "instance resumed", "instance", ctx->name, NULL);
        memset(pause, 0, sizeof *pause);
        break;
    default:
        if (probing)
            pause->until = kj_loop_mono(ctx->host->loop) + pause->wait_ms;
    }
}

int kj_host_resume(struct kj_host *host, const char *instance)
{
    for (struct kejue_ctx *ctx = host->instances; ctx; ctx = ctx->next) {
        if (!kj_streq(ctx->name, instance))
            continue;
        memset(&ctx->pause, 0, sizeof ctx->pause);
        return 0;
    }
    return KJ_ENOTFOUND;
}
