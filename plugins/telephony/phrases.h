// What can be said on a call, by both sides. A phrase has up to three wordings in each language.
//
// Tokens: {company}; { name} with its space, or nothing when the name is unknown; {when},
// {day} where the talk gives them.
#ifndef KJ_SIM_PHRASES_H
#define KJ_SIM_PHRASES_H

#include "sim.h"

enum kj_sim_phrase {
    // the lead
    SAY_HELLO,
    SAY_GO_AHEAD,
    SAY_OUTRO_NONE, // four in the order of interest
    SAY_OUTRO_LOW,
    SAY_OUTRO_MEDIUM,
    SAY_OUTRO_HIGH,
    SAY_THANKS_BYE,
    SAY_BUSY,
    SAY_MUST_GO,
    SAY_WHERE_FROM,
    SAY_GO_ON_THEN,
    SAY_POLITE_OPT_OUT,
    SAY_WRONG_PERSON,
    SAY_NO_PROBLEM,
    SAY_ANGRY,
    SAY_KEY_NINE,
    SAY_ROBOT,
    SAY_FINE,
    SAY_NO_MACHINES,
    SAY_NOISE,
    SAY_BETTER_NOW,
    SAY_NOISY_ANSWER,
    SAY_INTERRUPT,
    SAY_QUICKLY,
    SAY_NO_LANGUAGE,
    SAY_VOICEMAIL,
    SAY_VAGUE,
    SAY_YES,
    SAY_NO,
    SAY_ABOUT, // before a number; with a trailing space
    // the assistant
    ASK_GREETING,
    ASK_THANKS,
    ASK_WRAP,
    ASK_BYE,
    ASK_QUICK,
    ASK_ONE_MORE,
    ASK_NO_TIME_BYE,
    ASK_EXPLAIN,
    ASK_SORRY_WRONG,
    ASK_OPT_OUT_DONE,
    ASK_HONEST,
    ASK_RESPECT,
    ASK_HEAR_ME,
    ASK_CONFIRM_CALLBACK,
    ASK_REPEAT,
    ASK_FEW_QUESTIONS,
    ASK_SORRY_LANGUAGE,
    ASK_VISIT_NOTED,
    ASK_COMPANY, // when the request names none
    SIM_PHRASE_COUNT
};

enum { SIM_WORDINGS = 3 };

extern const char *const kj_sim_phrases[SIM_PHRASE_COUNT][SIM_LANGUAGE_COUNT][SIM_WORDINGS];

// When somebody wants to be called again, or visited.
struct kj_sim_wish {
    int hour;
    const char *asks[SIM_LANGUAGE_COUNT]; // the lead; visits hold {day}
    const char *when[SIM_LANGUAGE_COUNT]; // for the assistant to repeat
};
extern const struct kj_sim_wish kj_sim_callbacks[4]; // tomorrow
extern const struct kj_sim_wish kj_sim_visits[3];    // on a {day} to come
extern const char *const kj_sim_days_of_week[SIM_LANGUAGE_COUNT][7];
extern const char *const kj_sim_months[SIM_LANGUAGE_COUNT][12];
extern const char *const kj_sim_small_numbers[SIM_LANGUAGE_COUNT][21];
extern const char *const kj_sim_things[SIM_LANGUAGE_COUNT][8];
extern const char *const kj_sim_cities[SIM_LANGUAGE_COUNT][8];

#endif
