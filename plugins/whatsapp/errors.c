// The vendor's error codes as data: class, how long to wait, what else to do.
//
// Meta advises to branch on the code alone. Codes that are not listed are judged by HTTP status.
// The waits are ours: long enough that a retry can succeed, short enough not to lose the day.
#include "wa.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

// Sorted by first code.
static const struct wa_error k_errors[] = {
    {0, 0, KEJUE_CREDENTIAL, 0, WA_JUST_TELL, "the access token was refused"},
    {1, 2, KEJUE_UNKNOWN, 5 * SECOND, WA_JUST_TELL, "WhatsApp has a passing fault"},
    {3, 3, KEJUE_CREDENTIAL, 0, WA_JUST_TELL, "the app may not do this"},
    {4, 4, KEJUE_NOT_PROCESSED, MINUTE, WA_HOLD_NUMBER, "the app's call limit is reached"},
    {10, 10, KEJUE_CREDENTIAL, 0, WA_JUST_TELL, "a permission is missing or was withdrawn"},
    {33, 33, KEJUE_CALLER, 0, WA_JUST_TELL, "the business number does not exist or was deleted"},
    {100, 100, KEJUE_CALLER, 0, WA_JUST_TELL, "a parameter is wrong"},
    {190, 190, KEJUE_CREDENTIAL, 0, WA_JUST_TELL, "the access token has expired"},
    {200, 299, KEJUE_CREDENTIAL, 0, WA_JUST_TELL, "a permission is missing"},
    {368, 368, KEJUE_ACCOUNT, 0, WA_JUST_TELL, "the account is blocked for breaking a policy"},
    {80007, 80007, KEJUE_NOT_PROCESSED, MINUTE, WA_HOLD_NUMBER, "the account's limit is reached"},
    {130429, 130429, KEJUE_NOT_PROCESSED, 2 * SECOND, WA_HOLD_NUMBER,
     "the number's throughput is reached"},
    {130472, 130472, KEJUE_CALLER, 0, WA_JUST_TELL,
     "the user is part of an experiment of Meta: no marketing message reaches them"},
    {130497, 130497, KEJUE_CALLER, 0, WA_JUST_TELL, "the user's country is restricted"},
    {131000, 131000, KEJUE_UNKNOWN, 5 * SECOND, WA_JUST_TELL, "WhatsApp could not say what failed"},
    {131005, 131005, KEJUE_CALLER, 0, WA_JUST_TELL, "access to this request was denied"},
    {131008, 131009, KEJUE_CALLER, 0, WA_JUST_TELL, "a parameter is missing or wrong"},
    {131016, 131016, KEJUE_UNKNOWN, 30 * SECOND, WA_JUST_TELL, "WhatsApp is overloaded"},
    {131021, 131021, KEJUE_CALLER, 0, WA_JUST_TELL, "sender and recipient are the same number"},
    {131026, 131026, KEJUE_CALLER, 0, WA_JUST_TELL,
     "the message cannot be delivered to this user; use another channel"},
    {131031, 131031, KEJUE_ACCOUNT, 0, WA_JUST_TELL, "the business account is locked"},
    {131042, 131042, KEJUE_ACCOUNT, 0, WA_JUST_TELL, "there is a payment problem"},
    {131047, 131047, KEJUE_CALLER, 0, WA_JUST_TELL,
     "the 24-hour window is closed; send a template"},
    {131048, 131048, KEJUE_ACCOUNT, HOUR, WA_HOLD_NUMBER,
     "the number's spam limit is reached; check its quality rating"},
    {131049, 131049, KEJUE_NOT_PROCESSED, 24 * HOUR, WA_JUST_TELL,
     "Meta chose not to deliver this marketing message; not before tomorrow"},
    {131050, 131050, KEJUE_CALLER, 0, WA_JUST_TELL, "the user has stopped marketing messages"},
    {131051, 131053, KEJUE_CALLER, 0, WA_JUST_TELL, "the type or the media file is not usable"},
    {131056, 131056, KEJUE_NOT_PROCESSED, MINUTE, WA_HOLD_PAIR,
     "too many messages to this user in a short time"},
    {132000, 132000, KEJUE_CALLER, 0, WA_JUST_TELL,
     "the number of parameters differs from the template's definition"},
    {132001, 132001, KEJUE_CALLER, 0, WA_JUST_TELL,
     "there is no such template in this language, or it is not approved"},
    {132005, 132005, KEJUE_CALLER, 0, WA_JUST_TELL, "the filled template is too long"},
    {132007, 132007, KEJUE_CALLER, 0, WA_JUST_TELL, "the template breaks a policy"},
    {132012, 132012, KEJUE_CALLER, 0, WA_JUST_TELL,
     "a parameter's format differs from the template's definition"},
    {132015, 132015, KEJUE_ACCOUNT, 3 * HOUR, WA_PAUSE_TEMPLATE,
     "the template is paused for low quality"},
    {132016, 132016, KEJUE_CALLER, 0, WA_JUST_TELL, "the template is disabled; replace it"},
    {132068, 132068, KEJUE_CALLER, 0, WA_JUST_TELL, "the template's flow is blocked"},
    {132069, 132069, KEJUE_NOT_PROCESSED, MINUTE, WA_JUST_TELL, "the template's flow is throttled"},
    {133010, 133010, KEJUE_ACCOUNT, 0, WA_JUST_TELL, "the business number is not registered"},
};

const struct wa_error *wa_error_find(int64_t code)
{
    size_t from = 0, to = sizeof k_errors / sizeof k_errors[0];
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (code > k_errors[middle].last)
            from = middle + 1;
        else if (code < k_errors[middle].first)
            to = middle;
        else
            return &k_errors[middle];
    }
    return NULL;
}
