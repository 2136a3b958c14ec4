// The inside of the language model plugin.
#ifndef LLM_H
#define LLM_H

#include "kejue_plugin.h"

enum { LLM_PRICES = 32 };

struct llm_price {
    char model[128];
    double input, output; // currency units per million tokens
};

struct llm_call;
struct llm_instance {
    const struct kejue_host *host;
    struct kejue_ctx *ctx;
    char url[640]; // of chat/completions
    char model[200];
    char max_tokens_field[32];
    char currency[4];
    int has_key, has_schemas;
    int64_t timeout_ms;
    struct llm_price prices[LLM_PRICES];
    int price_count;
    struct llm_call *calls; // open
};

// --- complete.c ---
void llm_complete(struct llm_instance *llm, uint64_t op, struct kejue_doc request);
void llm_calls_close(struct llm_instance *llm);
// What the tokens cost, in millionths of the currency; -1 when the model has no price.
int64_t llm_cost(const struct llm_instance *llm, const char *model, int64_t prompt,
                 int64_t completion);

// --- verdict.c ---
// Judges the vendor's answer. KEJUE_OK means: whole, not refused, `content` is set.
struct llm_verdict {
    enum kejue_class class_;
    int64_t retry_after_ms;
    char code[64], text[400];
    const char *content;
};
void llm_judge(const struct kejue_host *host, const struct kejue_outcome *outcome,
               struct kejue_doc answer, struct llm_verdict *verdict);

#endif
