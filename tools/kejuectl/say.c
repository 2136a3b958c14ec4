// Errors: one line on standard error, "kejuectl: place: text; hint", by whatever name the program
// runs.
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int ctl_say_fault(int code, const struct kj_fault *fault)
{
    char text[1024];
    kj_fault_print(fault, text, sizeof text);
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
    return code;
}

int ctl_say(int code, const char *place, const char *hint, const char *format, ...)
{
    struct kj_fault fault;
    char text[sizeof fault.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kj_fault(&fault, KJ_EINVAL, place, hint, "%s", text);
    return ctl_say_fault(code, &fault);
}
