// Eleven people, and how a call with each of them goes. See personas.h for the steps.
#include "personas.h"

static const struct kj_sim_step k_interested[] = {
    {STEP_LEAD, SAY_HELLO},       {STEP_GREET}, {STEP_LEAD, SAY_GO_AHEAD}, {STEP_QUESTIONS, 100},
    {STEP_THEN, SIM_OUTRO_STEPS},
};

static const struct kj_sim_step k_busy[] = {
    {STEP_LEAD, SAY_HELLO},        {STEP_GREET},
    {STEP_LEAD, SAY_BUSY},         {STEP_BOT, ASK_QUICK},
    {STEP_QUESTIONS, 50},          {STEP_BOT, ASK_ONE_MORE},
    {STEP_LEAD, SAY_MUST_GO},      {STEP_BOT, ASK_NO_TIME_BYE},
    {STEP_END, SIM_CALLEE_HANGUP},
};

static const struct kj_sim_step k_sceptical[] = {
    {STEP_LEAD, SAY_HELLO},
    {STEP_GREET},
    {STEP_LEAD, SAY_WHERE_FROM},
    {STEP_BOT, ASK_EXPLAIN},
    {STEP_IF_REFUSES, 0, 8},
    {STEP_LEAD, SAY_GO_ON_THEN},
    {STEP_QUESTIONS, 100},
    {STEP_THEN, SIM_OUTRO_STEPS},
    {STEP_LEAD_OPTS_OUT, SAY_POLITE_OPT_OUT}, // 8
    {STEP_THEN, SIM_OPT_OUT_STEPS},
};

static const struct kj_sim_step k_wrong_person[] = {
    {STEP_LEAD, SAY_HELLO},        {STEP_GREET},
    {STEP_LEAD, SAY_WRONG_PERSON}, {STEP_BOT, ASK_SORRY_WRONG},
    {STEP_LEAD, SAY_NO_PROBLEM},   {STEP_END, SIM_ASSISTANT_HANGUP},
};

static const struct kj_sim_step k_angry_opt_out[] = {
    {STEP_LEAD, SAY_HELLO},         {STEP_GREET},
    {STEP_IF_CHANCE, 10, 5},        {STEP_LEAD_OPTS_OUT, SAY_ANGRY},
    {STEP_THEN, SIM_OPT_OUT_STEPS}, {STEP_KEY_NINE}, // 5
    {STEP_THEN, SIM_OPT_OUT_STEPS},
};

static const struct kj_sim_step k_asks_robot[] = {
    {STEP_LEAD, SAY_HELLO},       {STEP_GREET},
    {STEP_LEAD, SAY_ROBOT},       {STEP_BOT, ASK_HONEST},
    {STEP_IF_CHANCE, 20, 8},      {STEP_LEAD, SAY_FINE},
    {STEP_QUESTIONS, 100},        {STEP_THEN, SIM_OUTRO_STEPS},
    {STEP_LEAD, SAY_NO_MACHINES}, // 8
    {STEP_BOT, ASK_RESPECT},      {STEP_END, SIM_CALLEE_HANGUP},
};

static const struct kj_sim_step k_silent[] = {
    {STEP_WAIT, 1200},  {STEP_GREET},
    {STEP_WAIT, 7000},  {STEP_BOT, ASK_HEAR_ME},
    {STEP_WAIT, 7000},  {STEP_BOT, ASK_HEAR_ME},
    {STEP_WAIT, 10000}, {STEP_END, SIM_SILENCE_TIMEOUT},
};

static const struct kj_sim_step k_callback_tomorrow[] = {
    {STEP_LEAD, SAY_HELLO},
    {STEP_GREET},
    {STEP_CALLBACK},
    {STEP_BOT, ASK_CONFIRM_CALLBACK},
    {STEP_LEAD, SAY_THANKS_BYE},
    {STEP_END, SIM_ASSISTANT_HANGUP},
};

static const struct kj_sim_step k_noisy[] = {
    {STEP_LEAD, SAY_HELLO},       {STEP_GREET},
    {STEP_LEAD, SAY_NOISE},       {STEP_BOT, ASK_REPEAT},
    {STEP_LEAD, SAY_BETTER_NOW},  {STEP_QUESTIONS, 100},
    {STEP_THEN, SIM_OUTRO_STEPS},
};

static const struct kj_sim_step k_interrupter[] = {
    {STEP_LEAD, SAY_HELLO},        {STEP_GREET_CUT},         {STEP_LEAD, SAY_INTERRUPT},
    {STEP_BOT, ASK_FEW_QUESTIONS}, {STEP_LEAD, SAY_QUICKLY}, {STEP_QUESTIONS, 100},
    {STEP_THEN, SIM_OUTRO_STEPS},
};

static const struct kj_sim_step k_other_language[] = {
    {STEP_LEAD, SAY_HELLO},           {STEP_GREET},
    {STEP_LEAD, SAY_NO_LANGUAGE},     {STEP_BOT, ASK_SORRY_LANGUAGE},
    {STEP_END, SIM_ASSISTANT_HANGUP},
};

static const struct kj_sim_step k_outro[] = {
    {STEP_BOT, ASK_WRAP},
    {STEP_IF_VISIT, 0, 7},
    {STEP_IF_REFUSES, 0, 11},
    {STEP_LEAD_OUTRO},
    {STEP_BOT, ASK_BYE},
    {STEP_LEAD, SAY_THANKS_BYE},
    {STEP_END, SIM_ASSISTANT_HANGUP},
    {STEP_VISIT}, // 7
    {STEP_BOT, ASK_VISIT_NOTED},
    {STEP_LEAD, SAY_THANKS_BYE},
    {STEP_END, SIM_ASSISTANT_HANGUP},
    {STEP_LEAD_OPTS_OUT, SAY_POLITE_OPT_OUT}, // 11
    {STEP_THEN, SIM_OPT_OUT_STEPS},
};

// A refusal is accepted at once and ends the call.
static const struct kj_sim_step k_opt_out[] = {
    {STEP_BOT, ASK_OPT_OUT_DONE},
    {STEP_END, SIM_OPT_OUT},
};

const struct kj_sim_step *const kj_sim_personas[SIM_PERSONA_COUNT] = {
    [SIM_INTERESTED] = k_interested,
    [SIM_BUSY_PERSON] = k_busy,
    [SIM_SCEPTICAL] = k_sceptical,
    [SIM_WRONG_PERSON] = k_wrong_person,
    [SIM_ANGRY_OPT_OUT] = k_angry_opt_out,
    [SIM_ASKS_ROBOT] = k_asks_robot,
    [SIM_SILENT] = k_silent,
    [SIM_CALLBACK_TOMORROW] = k_callback_tomorrow,
    [SIM_NOISY] = k_noisy,
    [SIM_INTERRUPTER] = k_interrupter,
    [SIM_OTHER_LANGUAGE] = k_other_language,
};

const struct kj_sim_step *const kj_sim_shared_steps[SIM_SHARED_COUNT] = {
    [SIM_OUTRO_STEPS] = k_outro,
    [SIM_OPT_OUT_STEPS] = k_opt_out,
};
