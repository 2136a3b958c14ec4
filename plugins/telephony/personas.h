// The dialogue graphs: for each persona a list of steps, walked from the top. A step speaks, asks,
// jumps within its list, continues with a shared list, or ends the call.
#ifndef KJ_SIM_PERSONAS_H
#define KJ_SIM_PERSONAS_H

#include "phrases.h"

enum kj_sim_step_kind {
    STEP_LEAD,          // phrase
    STEP_LEAD_OPTS_OUT, // phrase; the truth says so
    STEP_KEY_NINE,      // the same by a key of the telephone
    STEP_LEAD_OUTRO,    // by interest
    STEP_CALLBACK,      // the lead wishes to be called another time
    STEP_VISIT,         // the lead wishes an appointment
    STEP_BOT,           // phrase
    STEP_GREET,         // the request's first message, or ours
    STEP_GREET_CUT,     // the same, interrupted
    STEP_QUESTIONS,     // percent of the questions, each answered in the next turn
    STEP_WAIT,          // milliseconds of silence
    STEP_IF_CHANCE,     // percent; jump to `to` (never for patient people)
    STEP_IF_VISIT,      // jump when the lead wants an appointment
    STEP_IF_REFUSES,    // jump when the lead wants no more calls
    STEP_THEN,          // continue with a shared list
    STEP_END,           // end reason
};

struct kj_sim_step {
    enum kj_sim_step_kind kind;
    int value;
    int to;
};

enum { SIM_OUTRO_STEPS, SIM_OPT_OUT_STEPS, SIM_SHARED_COUNT };

extern const struct kj_sim_step *const kj_sim_personas[SIM_PERSONA_COUNT];
extern const struct kj_sim_step *const kj_sim_shared_steps[SIM_SHARED_COUNT];

#endif
