// A bar on standard error, when that is a terminal; drawn at most ten times a second.
#include "ctl.h"

#include "base/clock.h"

enum { k_cells = 30, k_often_ms = 100 };

void ctl_bar_draw(struct ctl_bar *bar, int64_t done, int64_t total, const char *more)
{
    int64_t now = kj_clock_real_mono();
    if (!bar->ctl->progress || (bar->drawn && now - bar->drawn < k_often_ms && done < total))
        return;
    bar->drawn = now;
    int filled = total > 0 ? (int)(k_cells * done / total) : 0;
    fprintf(stderr, "\r%s [", bar->label);
    for (int i = 0; i < k_cells; i++)
        fputc(i < filled ? '#' : '.', stderr);
    fprintf(stderr, "] %lld/%lld %s\033[K", (long long)done, (long long)total, more ? more : "");
    fflush(stderr);
}

void ctl_bar_end(struct ctl_bar *bar)
{
    if (bar->ctl->progress && bar->drawn)
        fprintf(stderr, "\r\033[K");
    bar->drawn = 0;
}
