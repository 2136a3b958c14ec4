// The daemon as a whole: options, and the life of everything it wires together.
#ifndef KJ_APP_H
#define KJ_APP_H

#include "app/config.h"

struct kj_options {
    const char *config; // file; NULL = DIR/kejue.conf or /etc/kejue/kejue.conf
    const char *dir;    // everything in one folder; NULL = installed paths
    const char *clock;  // "system", "virtual", or a speed like "60"
    const char *start;  // RFC 3339: where a virtual or scaled clock begins
    uint64_t seed;
    bool check;             // only check the configuration
    const char *copy_store; // "sqlite", "mongodb": only copy everything there from the other one
    bool rehearse;          // no way out: kj_app_rehearse
};

// Runs until it is told to stop. The process's exit code: 0 ended as asked, 1 could not start or
// failed, 2 wrong options or configuration.
int kj_app_run(const struct kj_options *options);
// kejued --rehearse, started by campaign.rehearse: reads a campaign from standard input, answers on
// standard output. 0 answered, 1 failed.
int kj_app_rehearse(void);

#endif
