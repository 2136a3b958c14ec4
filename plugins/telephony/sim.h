// The simulated carrier: what its files share.
//
// A call is a pure function of (run seed, the recorded request, the instant of the ring):
// kj_sim_plan computes all of it, from ringing to the last word, before the first event goes out.
// So a restart loses nothing: the ring log holds the request, and the same plan comes out again.
#ifndef KJ_SIM_H
#define KJ_SIM_H

#include "kejue_plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kj_sim_disposition {
    SIM_COMPLETED,
    SIM_VOICEMAIL,
    SIM_NO_ANSWER,
    SIM_BUSY,
    SIM_REJECTED,
    SIM_INVALID,
    SIM_BLOCKED,
    SIM_UNREACHABLE,
    SIM_CARRIER_ERROR,
    SIM_MIX_COUNT, // the ones above are drawn; the ones below come from elsewhere
    SIM_CANCELED = SIM_MIX_COUNT,
};

enum kj_sim_persona {
    SIM_INTERESTED,
    SIM_BUSY_PERSON,
    SIM_SCEPTICAL,
    SIM_WRONG_PERSON,
    SIM_ANGRY_OPT_OUT,
    SIM_ASKS_ROBOT,
    SIM_SILENT,
    SIM_CALLBACK_TOMORROW,
    SIM_NOISY,
    SIM_INTERRUPTER,
    SIM_OTHER_LANGUAGE,
    SIM_PERSONA_COUNT
};

enum kj_sim_interest { SIM_NONE, SIM_LOW, SIM_MEDIUM, SIM_HIGH };
enum kj_sim_language { SIM_EN, SIM_DE, SIM_ES, SIM_LANGUAGE_COUNT };

enum kj_sim_end {
    SIM_END_NONE, // never answered
    SIM_CALLEE_HANGUP,
    SIM_ASSISTANT_HANGUP,
    SIM_MAX_DURATION,
    SIM_SILENCE_TIMEOUT,
    SIM_VOICEMAIL_POLICY,
    SIM_OPT_OUT,
    SIM_OPERATOR,
};

enum kj_sim_fault {
    SIM_LOST_REPLY,
    SIM_LOST_EVENT,
    SIM_DOUBLED_EVENT,
    SIM_REORDERED_EVENT,
    SIM_LATE_EVENT,
    SIM_API_429,
    SIM_API_500,
    SIM_TIMEOUT_AFTER_ACCEPT,
    SIM_TIMEOUT_BEFORE_ACCEPT,
    SIM_NO_END_EVENT,
    SIM_FAULT_COUNT
};

extern const char *const kj_sim_disposition_names[];
extern const char *const kj_sim_persona_names[];
extern const char *const kj_sim_interest_names[];
extern const char *const kj_sim_language_names[];
extern const char *const kj_sim_end_names[];
extern const char *const kj_sim_fault_names[];
// Keys of the configuration's `mix`, in the order of the dispositions.
extern const char *const kj_sim_mix_names[];

// What the configuration says that a plan depends on.
struct kj_sim_rules {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    bool force_by_suffix;
    double mix[SIM_MIX_COUNT]; // shares; need not add up to anything
    bool by_hour;              // `hours` stand in the place of the people's habits
    double hours[24];          // factors on the share of humans
    double talk_factor;        // on how long people talk; 0 = 1
};

// --- chance: keyed, so that a draw never moves when other draws come or go (dice.c) ---

struct kj_sim_dice {
    const struct kj_sim_rules *rules;
    const char *to;
    uint64_t attempt; // 0 = what stays true of the number
};

uint64_t kj_sim_bits(const struct kj_sim_dice *dice, const char *purpose, int index);
double kj_sim_unit(const struct kj_sim_dice *dice, const char *purpose, int index); // [0, 1)
bool kj_sim_chance(const struct kj_sim_dice *dice, const char *purpose, int index, double p);
int64_t kj_sim_range(const struct kj_sim_dice *dice, const char *purpose, int index, int64_t low,
                     int64_t high); // inclusive
size_t kj_sim_pick(const struct kj_sim_dice *dice, const char *purpose, int index,
                   const double *weights, size_t count);
double kj_sim_log_normal(const struct kj_sim_dice *dice, const char *purpose, int index,
                         double median, double sigma);
struct kj_sim_dice kj_sim_of_number(const struct kj_sim_dice *dice); // with attempt 0

// --- memory and text; out of memory ends the process, as everywhere in the host ---

void *kj_sim_alloc(size_t size); // zeroed
void *kj_sim_realloc(void *memory, size_t size);
char *kj_sim_strdup(const char *text);
struct kj_sim_text {
    char *data;
    size_t length, capacity;
};
void kj_sim_add(struct kj_sim_text *text, const char *words);
// Copies "to" safely; cuts what does not fit.
void kj_sim_copy(char *to, size_t size, const char *from);

// --- where and when the callee is (where.c) ---

struct kj_sim_local {
    int year, month, day, hour, minute, weekday; // weekday 0 = Monday
};
// Minutes east of UTC: request.context.utc_offset_minutes, else a guess by prefix and season.
int kj_sim_offset(const struct kejue_host *host, struct kejue_doc request, const char *to,
                  int64_t at_ms);
void kj_sim_local(int64_t at_ms, int offset_minutes, struct kj_sim_local *local);
int64_t kj_sim_days(int year, int month, int day);          // since 1970-01-01
bool kj_sim_parse_time(const char *text, int64_t *wall_ms); // RFC 3339
enum kj_sim_language kj_sim_native(const char *to);         // SIM_LANGUAGE_COUNT: none we speak

// --- the hidden person behind a number (callee.c) ---

struct kj_sim_callee {
    bool mobile, voicemail;
    int habit;    // row of the table of reachable hours
    double reach; // how often this person answers, around 1
    double opt_out_tendency, patience;
    enum kj_sim_interest interest;
    enum kj_sim_persona persona;
    enum kj_sim_language native;
};
void kj_sim_callee(const struct kj_sim_dice *dice, struct kj_sim_callee *callee);
double kj_sim_reach(const struct kj_sim_rules *rules, const struct kj_sim_callee *callee,
                    const struct kj_sim_local *local);
// Who answers at this attempt: annoyance and a kept promise change the mood.
enum kj_sim_persona kj_sim_mood(const struct kj_sim_dice *dice, const struct kj_sim_callee *callee);

// --- a call (plan.c, talk.c, answer.c) ---

struct kj_sim_turn {
    bool lead; // else the assistant
    char *text;
    int64_t start_ms, end_ms; // since the answer
};

enum kj_sim_kind { SIM_BOOLEAN, SIM_INTEGER, SIM_NUMBER, SIM_STRING, SIM_ENUM, SIM_DATE };

// What the callee really said to a question.
struct kj_sim_truth {
    char key[64];
    enum kj_sim_kind kind;
    int64_t integer; // also boolean
    double real;
    char text[128]; // string, enum value, date
    size_t turn;    // where it was said
};

struct kj_sim_plan {
    // the request; pointers into the request document
    struct kejue_doc request;
    const char *attempt_id, *to;
    int attempt;
    int64_t at_ms; // of the ring
    int offset_minutes;
    struct kj_sim_local local;
    int64_t ring_limit_ms, talk_limit_ms;
    enum kj_sim_language language; // spoken by the assistant
    // what happens; instants in ms since at_ms, -1 = never
    int forced; // row of the suffix plan + 1, 0 = by chance
    struct kj_sim_callee callee;
    bool patient;     // forced: talks to the end, and answers every question
    bool hurries;     // hangs up within five seconds
    bool wants_visit; // an interested person who asks for an appointment
    enum kj_sim_disposition disposition;
    enum kj_sim_end end;
    bool human, machine;
    int64_t ringing_at, answered_at, progress_at, ended_at;
    int code; // SIP
    const char *words;
    int64_t cost_micros;
    // the talk
    enum kj_sim_persona persona;
    enum kj_sim_language spoken; // by the lead
    struct kj_sim_turn *turns;
    size_t turn_count, turn_capacity;
    const char *dtmf; // or NULL
    // the truth; turns are where it was said, so that a cut takes it away
    struct kj_sim_truth *truths;
    size_t truth_count;
    bool opt_out, callback;
    size_t opt_out_turn, callback_turn;
    char callback_at[24]; // local, "2026-03-03T14:00"
    char appointment_at[24];
    size_t appointment_turn;
};

// Computes the whole call. `request` must outlive the plan. `cut_ms`: an operator hung up that long
// after the ring (-1 = never).
void kj_sim_plan(const struct kj_sim_rules *rules, struct kejue_doc request, int64_t at_ms,
                 int64_t cut_ms, struct kj_sim_plan *plan);
void kj_sim_plan_fini(struct kj_sim_plan *plan);
// The suffix plan: the fault that a number's last digits force, or SIM_FAULT_COUNT.
enum kj_sim_fault kj_sim_forced_fault(const struct kj_sim_rules *rules, const char *to);

// Fills turns, end, truths of an answered call; returns the milliseconds of talk.
int64_t kj_sim_talk(const struct kj_sim_dice *dice, struct kj_sim_plan *plan);
int64_t kj_sim_voicemail(const struct kj_sim_dice *dice, struct kj_sim_plan *plan);
// Ends the talk at `ms` after the answer: what was not said is not said.
void kj_sim_talk_cut(struct kj_sim_plan *plan, int64_t ms);
// The words that answer question `index`; records the truth unless the answer is vague.
void kj_sim_answer(const struct kj_sim_dice *dice, struct kj_sim_plan *plan, int index,
                   struct kj_sim_text *words);
// The question's words ("" when there is no such question).
const char *kj_sim_question(const struct kj_sim_plan *plan, const struct kejue_host *host,
                            int index);

// --- the ring log: the carrier's memory, outside the store (ringlog.c) ---

struct kj_sim_ring {
    char *attempt_id;
    char provider_id[24];
    int64_t at_ms, cut_ms; // cut: ms after the ring, -1 = not hung up
    int64_t offset;        // of the line in the file, -1 = the request stands in `kept`
    size_t length;         // of either
    unsigned char *kept; // bytes of its own: a builder is made to grow, and takes seven times more
    unsigned rings;    // lines of this attempt in the ring log; 0 = never rang, only refused so far
    unsigned truths;   // lines of this attempt in the truth file
    unsigned refusals; // times that a forced fault has struck before it rang
    struct kj_sim_ring *next_in_bucket, *next;
};

struct kj_sim_ring_log {
    const struct kj_sim_rules *rules;
    int fd, hangup_fd, truth_fd;      // -1 = none
    int64_t read_to;                  // lines before this are in the index
    struct kj_sim_ring *first, **end; // in the order of first ring
    struct kj_sim_ring **buckets;
    size_t count, bucket_count;
};

int kj_sim_ring_log_open(struct kj_sim_ring_log *log, const struct kj_sim_rules *rules,
                         const char *ring_path, const char *truth_path, char *error,
                         size_t error_size);
void kj_sim_ring_log_close(struct kj_sim_ring_log *log);
// Writes the line of a ring; NULL when the file refused it (nothing rang then).
struct kj_sim_ring *kj_sim_ring_add(struct kj_sim_ring_log *log, struct kejue_doc request,
                                    int64_t at_ms);
// What rang under an id, or NULL. Looks into the file again for lines of other processes.
struct kj_sim_ring *kj_sim_ring_find(struct kj_sim_ring_log *log, const char *attempt_id);
// The entry of an attempt, made when there is none.
struct kj_sim_ring *kj_sim_ring_entry(struct kj_sim_ring_log *log, const char *attempt_id);
// The request of a ring. The builder holds it: drop it after use. NULL when the file is damaged.
struct kejue_builder *kj_sim_ring_request(const struct kj_sim_ring_log *log,
                                          const struct kj_sim_ring *ring,
                                          struct kejue_doc *request);
int kj_sim_ring_cut(struct kj_sim_ring_log *log, struct kj_sim_ring *ring, int64_t cut_ms);
void kj_sim_truth_write(struct kj_sim_ring_log *log, struct kj_sim_ring *ring,
                        const struct kj_sim_plan *plan);

// --- documents (report.c) ---

enum kj_sim_state { SIM_DIALING, SIM_RINGING, SIM_ANSWERED, SIM_IN_PROGRESS, SIM_ENDED };
enum { SIM_STATE_COUNT = SIM_ENDED + 1 };
// When the call enters a state, ms after the ring; -1 = never.
int64_t kj_sim_state_at(const struct kj_sim_plan *plan, enum kj_sim_state state);
int kj_sim_sequence(const struct kj_sim_plan *plan, enum kj_sim_state state);
// {name: "telephony.progress", data: {…}} for host.emit.
struct kejue_builder *kj_sim_progress(const struct kj_sim_rules *rules,
                                      const struct kj_sim_plan *plan,
                                      const struct kj_sim_ring *ring, enum kj_sim_state state);
// The answer of a look-up at an instant.
struct kejue_builder *kj_sim_look_up(const struct kj_sim_rules *rules,
                                     const struct kj_sim_plan *plan, const struct kj_sim_ring *ring,
                                     int64_t now_ms);
struct kejue_builder *kj_sim_truth_line(const struct kj_sim_rules *rules,
                                        const struct kj_sim_plan *plan);

// --- an instance (plugin.c, place.c, live.c) ---

struct kj_sim_outage {
    int64_t from, to;
};

struct kj_sim {
    struct kj_sim_rules rules;
    struct kj_sim_ring_log log;
    bool ends_only; // of a call only its end is reported
    int64_t max_lines;
    double faults[SIM_FAULT_COUNT];
    struct kj_sim_outage *outages;
    size_t outage_count;
    struct kj_sim_live *live;       // calls that are under way
    struct kj_sim_pending *pending; // place operations not answered yet
    int64_t lines;                  // in use, accepted or about to be
};

// Does a fault strike? `number` tells the occasions of one attempt apart.
bool kj_sim_strikes(const struct kj_sim *sim, enum kj_sim_fault fault, const char *to,
                    int64_t attempt, uint64_t number);
void kj_sim_place(struct kj_sim *sim, uint64_t op, struct kejue_doc request);
void kj_sim_place_cancel(struct kj_sim *sim, uint64_t op);
bool kj_sim_place_pending(const struct kj_sim *sim, const char *attempt_id);
void kj_sim_place_close(struct kj_sim *sim);
// Follows a call whose ring is logged: emits its events from now on, then writes its truth and
// frees its line, which the caller has taken (sim->lines).
void kj_sim_follow(struct kj_sim *sim, struct kj_sim_ring *ring);
// Calls that were under way when the process ended, and truths not written then.
void kj_sim_resume(struct kj_sim *sim);
// The operator hangs up; false when the call has ended already.
bool kj_sim_hang_up(struct kj_sim *sim, struct kj_sim_ring *ring);
void kj_sim_live_close(struct kj_sim *sim);

#endif
