// The path of a call job, in one direction: intake, queue, admit, attempt, analyse, decide, commit,
// deliver; one file each, listed in kj_stages of path.c in that order. A crash anywhere resumes
// from the stage stored in the job.
//
// The engine introduces the rooms below to each other (store, host, script, model) and owns what
// they share. Loop thread only. `jobs` carry stage, plan and outbox; `calls` are the attempts with
// transcript and facts; `decisions` what the rules made of each; `numbers` refusals and the permit.
#ifndef KJ_ENGINE_H
#define KJ_ENGINE_H

#include "doc/doc.h"
#include "engine/queue.h"
#include "host/host.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "script/script.h"
#include "store/store.h"

// A result of one asynchronous engine function; documents are valid during the call. It comes
// exactly once, and may come before the function returns.
typedef void kj_engine_done(void *arg, int status, const bson_t *result,
                            const struct kj_fault *fault);

struct kj_engine {
    struct kj_loop *loop;
    struct kj_store *store; // through a valve that is shut when the engine ends
    struct kj_queue *queue;
    struct kj_host *host;
    struct kj_script *script;
    struct kj_pool *pool; // phone numbers and other bulk work of the CPU
    const char *host_name;
    uint64_t seed;
    bool simulated; // virtual clock: results are stamped
    bool dialing;   // false: kill switch, or the clock stepped; no new call starts
    char default_country[4];
    struct kj_engine_private *own;
};

struct kj_engine_config {
    struct kj_loop *loop;
    struct kj_store *store;
    struct kj_host *host; // may be set later by kj_engine_attach (ports need the engine first)
    struct kj_script *script;
    const char *host_name;
    const char *model_instance; // plugin instance that answers llm.complete, or NULL: texts skipped
    uint64_t seed;
    const char *default_country; // for numbers in a local format; NULL = none
    int max_calls;               // lines of the trunk; 0 = 50
    int dials_per_second;        // 0 = 5; of all hosts together
    // This host hung so long that another has its jobs, or its name is used twice: it must end.
    // Nothing new is begun from then on.
    void (*lost)(void *arg);
    void *lost_arg;
};

int kj_engine_create(const struct kj_engine_config *config, struct kj_engine **engine,
                     struct kj_fault *fault) KJ_MUST_USE;
// At any moment, also in the midst of work: what is open with the store, plugins and scripts is
// given up as by a crash (their answers reach nobody), callers of the functions below are answered
// with KJ_ECANCELED. Before the store, and before whoever must hear those answers.
void kj_engine_destroy(struct kj_engine *engine);
void kj_engine_attach(struct kj_engine *engine, struct kj_host *host);
// The ports to give to kj_host_create.
struct kj_host_ports kj_engine_ports(struct kj_engine *engine);
// The control surface stands above the engine; app wires it, for plugins that may use commands.
typedef void kj_engine_command(void *arg, const char *instance, const char *workspace,
                               const char *name, const bson_t *args, const char *key,
                               kj_engine_done *done, void *done_arg);
void kj_engine_set_command(struct kj_engine *engine, kj_engine_command *command, void *arg);
// Takes up its lease, recovers what nobody runs, then starts claiming.
void kj_engine_start(struct kj_engine *engine, void (*started)(void *arg, int status), void *arg);
// Begins nothing new, lets what runs end for grace_ms, then hands the lease and the rest back.
void kj_engine_drain(struct kj_engine *engine, int64_t grace_ms, void (*drained)(void *arg),
                     void *arg);

// --- intake (all normalise, deduplicate, store; used by api, plugins and hooks) ---
// rows: array of {line?, header: text…}; defaults {country, language, source, list, tags}.
// result {accepted, updated, duplicates, refused: [{line, reason, text}], lead_ids[], list}.
void kj_intake_leads(struct kj_engine *engine, const char *workspace, const bson_t *rows,
                     const bson_t *defaults, kj_engine_done *done, void *arg);
// One lead, found by its number or made; the result is its document.
void kj_intake_lead(struct kj_engine *engine, const char *workspace, const bson_t *lead,
                    kj_engine_done *done, void *arg);
// CSV text with a header line to rows {line, header: text…}; KJ_EPARSE names the line and nothing
// is taken. The caller destroys *rows.
int kj_intake_csv(const char *text, size_t length, bson_t **rows,
                  struct kj_fault *fault) KJ_MUST_USE;
// A call: {lead_id | lead{}, call{assistant_id | assistant_group_id, context, first_message,
// call_source, schedule_at, …}, campaign_id?, key?}; result {job_id, lead_id, created}.
void kj_intake_call(struct kj_engine *engine, const char *workspace, const bson_t *request,
                    kj_engine_done *done, void *arg);
// Calls of another system, with their transcripts: analyse, decide and commit without dialing. An
// array of {external_id, lead{}, group_id, started_at, ended_at, disposition, language,
// transcript[], …}; result {calls: [{refused, place, text} or {refused, job_id, lead_id, created}]}
// in the same order.
void kj_intake_recorded(struct kj_engine *engine, const char *workspace, const bson_t *calls,
                        kj_engine_done *done, void *arg);
// Any job: {kind, key, due, priority, payload}; result {id, created}. `once`, if not NULL, is the
// key of one that has none.
void kj_intake_job(struct kj_engine *engine, const char *workspace, const bson_t *request,
                   const char *once, kj_engine_done *done, void *arg);
// Many such as {jobs: [{…}]}: all or, when one cannot be taken, none, with one flush; result
// {jobs: [{id, created}]} in their order. `once` as above, each with its place behind it.
void kj_intake_jobs(struct kj_engine *engine, const char *workspace, const bson_t *request,
                    const char *once, kj_engine_done *done, void *arg);
// A refusal, ordered against permits by the number's document. {phone_number, kind "do_not_call"|
// "opt_out", source, evidence}; result {phone_number, refused_at, already}.
void kj_intake_refusal(struct kj_engine *engine, const char *workspace, const bson_t *request,
                       kj_engine_done *done, void *arg);

// After each load of the rules: their sources go into `packs` by hash, and the kinds of jobs that
// hooks declare can be submitted.
void kj_engine_rules_loaded(struct kj_engine *engine);
// A version of a pack that is not loaded (kj_script_stage): built, then kept in `packs` by its
// hash; result {name, hash}.
void kj_engine_send_version(struct kj_engine *engine, const bson_t *sources, const char *path,
                            kj_engine_done *done, void *arg);
// One that is kept, built on this host too if it is not yet; result {name, hash}. A pack by its
// name is here or is not.
void kj_engine_fetch_version(struct kj_engine *engine, const char *hash, kj_engine_done *done,
                             void *arg);
// A person has reloaded this pack, or all (NULL): what was switched off judges again.
void kj_engine_rules_on(struct kj_engine *engine, const char *pack);
// Packs that are switched off because they hit their limits: [{pack, since, reason}] of a
// workspace;
// "" = all, each with its workspace. The caller destroys it.
bson_t *kj_engine_rules_off(struct kj_engine *engine, const char *workspace);

// --- why: every gate, its input and verdict, next eligible time, past calls and decisions ---
void kj_engine_why(struct kj_engine *engine, const char *workspace, const char *number_or_lead,
                   int64_t at, kj_engine_done *done, void *arg);

#endif
