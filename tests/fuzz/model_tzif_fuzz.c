// Any bytes as a time zone file, and as the rule of its footer: refused, or answered consistently.
#include "model/tzif.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t k_seconds[] = {
    INT64_C(-60000000000), -1, 0, 1700000000, 2147483648, INT64_C(4102444800),
    INT64_C(250000000000)};

static void check_file(const uint8_t *data, size_t size)
{
    struct kj_tzif tz;
    if (kj_tzif_read(data, size, &tz, NULL) == 0)
        for (size_t i = 0; i < sizeof k_seconds / sizeof *k_seconds; i++) {
            int offset = kj_tzif_offset(&tz, k_seconds[i]);
            int64_t next = kj_tzif_next(&tz, k_seconds[i]);
            if (offset < -26 * 3600 || offset > 26 * 3600 || next <= k_seconds[i])
                abort();
        }
    kj_tzif_fini(&tz);
}

static void check_rule(const uint8_t *data, size_t size)
{
    struct kj_posix_tz tz;
    char *text = calloc(1, size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    if (kj_posix_tz_parse(text, &tz))
        for (size_t i = 0; i < sizeof k_seconds / sizeof *k_seconds; i++) {
            int64_t next = kj_posix_tz_next(&tz, k_seconds[i]);
            if (next <= k_seconds[i] ||
                (next != INT64_MAX &&
                 kj_posix_tz_offset(&tz, next) == kj_posix_tz_offset(&tz, k_seconds[i])))
                abort();
        }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_file(data, size);
    check_rule(data, size);
    return 0;
}
