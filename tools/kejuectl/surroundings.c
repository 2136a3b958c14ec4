// Where the daemon is and what the terminal can show: the same for every program that talks to
// kejued.
#include "ctl.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int ctl_find_bus(struct ctl *ctl, const char *dir, const char *bus)
{
    const char *named = getenv("KEJUE_BUS");
    int length;
    if (bus)
        length = snprintf(ctl->bus, sizeof ctl->bus, "%s", bus);
    else if (dir)
        length = snprintf(ctl->bus, sizeof ctl->bus, "ipc://%s/bus.ipc", dir);
    else
        length = snprintf(ctl->bus, sizeof ctl->bus, "%s",
                          named && *named ? named : "ipc:///run/kejue/bus.ipc");
    const char *slash = strrchr(ctl->bus, '/');
    if ((size_t)length >= sizeof ctl->bus || strstr(ctl->bus, "://") == NULL)
        return ctl_say(CTL_USAGE, "--bus", "write it like ipc:///run/kejue/bus.ipc",
                       "is no address of a bus");
    snprintf(ctl->events, sizeof ctl->events, "%.*s/events.ipc", (int)(slash - ctl->bus), ctl->bus);
    return CTL_OK;
}

void ctl_find_terminal(struct ctl *ctl)
{
    struct winsize size = {0};
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) // what comes is UTF-8 in any case
        setlocale(LC_CTYPE, "C.UTF-8");
    ctl->terminal = isatty(STDOUT_FILENO);
    ctl->color = ctl->terminal && !ctl->json && !(no_color && *no_color) &&
                 !(term && strcmp(term, "dumb") == 0);
    ctl->progress = isatty(STDERR_FILENO) && !ctl->json;
    if (ctl->terminal)
        ctl->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}
