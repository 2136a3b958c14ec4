// What an answer of the model's vendor means for a retry.
//
// The vendor's code decides before the HTTP status: 429 is a pause of seconds or an empty account.
// A cut-off, filtered or refused answer is a failure: half a verdict is worse than none.
#include "llm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// A longer wait is cut: the host's retry will ask again and be told again.
enum { LONGEST_WAIT_SECONDS = 86400 };

static const struct {
    const char *code;
    enum kejue_class class_;
} k_codes[] = {
    {"insufficient_quota", KEJUE_ACCOUNT},
    {"credit_balance_exhausted", KEJUE_ACCOUNT},
    {"billing_hard_limit_reached", KEJUE_ACCOUNT},
    {"billing_not_active", KEJUE_ACCOUNT},
    {"enforced_spend_limit_reached", KEJUE_ACCOUNT},
    {"account_deactivated", KEJUE_ACCOUNT},
    {"invalid_api_key", KEJUE_CREDENTIAL},
    {"rate_limit_exceeded", KEJUE_NOT_PROCESSED},
    {"overloaded_error", KEJUE_NOT_PROCESSED},
    {"context_length_exceeded", KEJUE_CALLER},
    {"model_not_found", KEJUE_CALLER},
    {"content_policy_violation", KEJUE_CALLER},
};

static void set(struct llm_verdict *verdict, enum kejue_class class_, const char *code,
                const char *text)
{
    verdict->class_ = class_;
    snprintf(verdict->code, sizeof verdict->code, "%s", code ? code : "");
    snprintf(verdict->text, sizeof verdict->text, "%s", text ? text : "");
}

static int read_wait(void *arg, const char *key, const char *text, struct kejue_doc child)
{
    int64_t *wait = arg;
    (void)child;
    if (!text)
        return 0;
    double number = strtod(text, NULL);
    if (!(number > 0) || number > LONGEST_WAIT_SECONDS * 1000.0)
        return 0;
    if (strcasecmp(key, "retry-after-ms") == 0) {
        *wait = (int64_t)number;
        return 1; // finer than the header in seconds
    }
    if (strcasecmp(key, "retry-after") == 0 && number <= LONGEST_WAIT_SECONDS)
        *wait = (int64_t)(number * 1000);
    return 0;
}

static void judge_failure(const struct kejue_host *host, const struct kejue_outcome *outcome,
                          struct kejue_doc answer, struct llm_verdict *verdict)
{
    const char *type = host->text(answer, "json.error.type", "");
    const char *code = host->text(answer, "json.error.code", type);
    const char *words = host->text(answer, "json.error.message", outcome->text);
    set(verdict, outcome->class_ == KEJUE_OK ? KEJUE_UNKNOWN : outcome->class_,
        *code ? code : outcome->code, words);
    for (size_t i = 0; i < sizeof k_codes / sizeof k_codes[0]; i++)
        if (strcmp(k_codes[i].code, code) == 0 || strcmp(k_codes[i].code, type) == 0) {
            verdict->class_ = k_codes[i].class_;
            break;
        }
    int64_t wait = 0;
    host->each(answer, "headers", read_wait, &wait);
    if (verdict->class_ == KEJUE_NOT_PROCESSED || verdict->class_ == KEJUE_UNKNOWN)
        verdict->retry_after_ms = wait > outcome->retry_after_ms ? wait : outcome->retry_after_ms;
}

void llm_judge(const struct kejue_host *host, const struct kejue_outcome *outcome,
               struct kejue_doc answer, struct llm_verdict *verdict)
{
    const char *finish = host->text(answer, "json.choices.0.finish_reason", NULL);
    const char *refusal = host->text(answer, "json.choices.0.message.refusal", NULL);
    *verdict = (struct llm_verdict){.class_ = KEJUE_OK};
    verdict->content = host->text(answer, "json.choices.0.message.content", NULL);
    if (outcome->class_ != KEJUE_OK || host->has(answer, "json.error"))
        judge_failure(host, outcome, answer, verdict);
    else if (!host->has(answer, "json.choices.0"))
        set(verdict, KEJUE_NOT_PROCESSED, "bad_answer", "the answer is not a chat completion");
    else if (refusal && *refusal)
        set(verdict, KEJUE_CALLER, "refusal", refusal);
    else if (finish && strcmp(finish, "length") == 0)
        set(verdict, KEJUE_CALLER, "length", "the answer was cut off; raise max_tokens");
    else if (finish && strcmp(finish, "content_filter") == 0)
        set(verdict, KEJUE_CALLER, "content_filter", "the vendor filtered the answer");
    else if (!finish || strcmp(finish, "stop") != 0)
        set(verdict, KEJUE_NOT_PROCESSED, "unfinished", "the answer did not end by itself");
    else if (!verdict->content)
        set(verdict, KEJUE_NOT_PROCESSED, "empty", "the answer holds no text");
}
