// The one C++ file: libphonenumber behind C functions. No exception leaves it. The library's
// metadata is of 2022, so it may only refuse what is impossible, never what it does not know.
extern "C" {
#include "model/phone.h"
#include "base/str.h"
#include "model/zone_table.h"
}

#include <cstdio>
#include <cstring>
#include <phonenumbers/phonenumberutil.h>
#include <string>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace
{
const size_t k_longest = 128; // bytes; lists write whole sentences into the column

struct Reason {
    const char *word, *text, *hint;
};

const Reason k_empty = {"empty", "there is no phone number", "fill the column or drop the row"};
const Reason k_not_a_number = {"not_a_number", "this is not a phone number", nullptr};
const Reason k_no_country = {"no_country", "the number has no country code",
                             "write it with + and the country code, or give a country"};
const Reason k_too_short = {"too_short", "the number is too short", "is the area code missing?"};
const Reason k_too_long = {"too_long", "the number is too long", "is it two numbers in one cell?"};
const Reason k_impossible = {"impossible", "no such number can exist in its country", nullptr};

// Numbering plans that grew after the metadata was made: calling code, length, first digits.
struct Newer {
    int calling_code;
    size_t length;
    const char *prefix;
};
const Newer k_newer[] = {{229, 10, "01"}}; // Benin, since November 2024

bool is_newer(int calling_code, const std::string &national)
{
    for (const Newer &plan : k_newer)
        if (plan.calling_code == calling_code && plan.length == national.size() &&
            national.compare(0, strlen(plan.prefix), plan.prefix) == 0)
            return true;
    return false;
}

// Bytes that carry nothing: controls, no-break and zero-width spaces, the quote that spreadsheets
// put before text.
std::string trim(const char *text)
{
    std::string out(text);
    for (const char *odd : {"\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x8B", "\xE2\x80\x8C",
                            "\xE2\x80\x8D", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xAA",
                            "\xE2\x80\xAC", "\xE2\x80\xAD", "\xEF\xBB\xBF", "\xE2\x81\xA0"})
        for (size_t at; (at = out.find(odd)) != std::string::npos;)
            out.replace(at, strlen(odd), " ");
    size_t from = out.find_first_not_of(" \t\r\n'\"=");
    size_t to = out.find_last_not_of(" \t\r\n'\".,;");
    return from == std::string::npos || to == std::string::npos || to < from
               ? std::string()
               : out.substr(from, to - from + 1);
}

size_t count_digits(const std::string &text)
{
    size_t count = 0;
    for (unsigned char c : text)
        count += isdigit(c) != 0;
    return count;
}

// A spreadsheet has made a number of it: "4.91712E+12" has lost digits for good, "49171.0" is only
// decorated.
bool undo_spreadsheet(std::string &text)
{
    size_t mark = text.find_first_of("eE");
    if (mark != std::string::npos && mark > 0 && mark + 1 < text.size() &&
        text.find_first_not_of("0123456789.,+") == mark &&
        text.find_first_not_of("0123456789+-", mark + 1) == std::string::npos)
        return false;
    if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0 &&
        text.find_first_not_of("0123456789", text[0] == '+') == text.size() - 2)
        text.resize(text.size() - 2);
    return true;
}

// "0171 1234567 / 0172 7654321": the first, when both sides could stand alone.
bool cut_to_first(std::string &text)
{
    for (const char *mark : {";", ",", "|", "\n", " / ", " or ", " oder ", " und ", " and "}) {
        size_t at = text.find(mark);
        if (at != std::string::npos && count_digits(text.substr(0, at)) >= 7 &&
            count_digits(text.substr(at + strlen(mark))) >= 7) {
            text.resize(at);
            return true;
        }
    }
    return false;
}

const Reason *refusal(PhoneNumberUtil::ErrorType error, const std::string &text)
{
    switch (error) {
    case PhoneNumberUtil::NO_PARSING_ERROR:
        return nullptr;
    case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
        return text[0] == '+' ? &k_impossible : &k_no_country;
    case PhoneNumberUtil::TOO_SHORT_AFTER_IDD:
    case PhoneNumberUtil::TOO_SHORT_NSN:
        return &k_too_short;
    case PhoneNumberUtil::TOO_LONG_NSN:
        return &k_too_long;
    default:
        return &k_not_a_number;
    }
}

const Reason *judge(const PhoneNumberUtil &util, const PhoneNumber &number)
{
    std::string national;
    util.GetNationalSignificantNumber(number, &national);
    if (is_newer(number.country_code(), national))
        return nullptr;
    switch (util.IsPossibleNumberWithReason(number)) {
    case PhoneNumberUtil::IS_POSSIBLE:
        return nullptr;
    case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY:
    case PhoneNumberUtil::TOO_SHORT:
        return &k_too_short;
    case PhoneNumberUtil::TOO_LONG:
        return &k_too_long;
    default:
        return &k_impossible;
    }
}

// The number with a plus; nullptr when it is possible.
const Reason *read_abroad(const PhoneNumberUtil &util, const std::string &plus, PhoneNumber *number)
{
    const Reason *reason = refusal(util.Parse(plus, "ZZ", number), plus);
    return reason ? reason : judge(util, *number);
}

// "491711234567" in Germany: the + is lost. Local numbers there begin with 0, so this is none.
bool has_lost_plus(const PhoneNumberUtil &util, const std::string &text, const char *region)
{
    std::string trunk, code = std::to_string(util.GetCountryCodeForRegion(region));
    util.GetNddPrefixForRegion(region, true, &trunk);
    return !trunk.empty() && text.compare(0, trunk.size(), trunk) != 0 &&
           text.compare(0, code.size(), code) == 0;
}

// Local first. "00" is tried as "+" only where the local reading is none: in Singapore "001" dials
// abroad.
const Reason *read(const PhoneNumberUtil &util, const std::string &text, const char *region,
                   PhoneNumber *number)
{
    const Reason *reason = refusal(util.Parse(text, region, number), text);
    PhoneNumber abroad;
    if (reason == nullptr)
        reason = judge(util, *number);
    if (has_lost_plus(util, text, region)) {
        if (read_abroad(util, "+" + text, &abroad) == nullptr && util.IsValidNumber(abroad)) {
            *number = abroad;
            return nullptr;
        }
        return reason;
    }
    if (text.compare(0, 2, "00") != 0 || (reason == nullptr && util.IsValidNumber(*number)))
        return reason;
    const Reason *other = read_abroad(util, "+" + text.substr(2), &abroad);
    if (other == nullptr && (reason || util.IsValidNumber(abroad))) {
        *number = abroad;
        return nullptr;
    }
    return reason == &k_no_country && other ? other : reason;
}

void describe(const PhoneNumberUtil &util, const PhoneNumber &number, struct kj_phone *phone)
{
    std::string e164, region, national;
    util.Format(number, PhoneNumberUtil::E164, &e164);
    util.GetRegionCodeForNumber(number, &region);
    util.GetNationalSignificantNumber(number, &national);
    if (region == "ZZ" && number.country_code() == 1) {
        const char *country = kj_area_country(national.c_str());
        region = country ? country : "US";
    } else if (region == "ZZ")
        util.GetRegionCodeForCountryCode(number.country_code(), &region);
    if (region == "ZZ" || region == "001")
        region.clear();
    kj_copy(phone->e164, sizeof phone->e164, e164.c_str());
    kj_copy(phone->country, sizeof phone->country, region.c_str());
    PhoneNumberUtil::PhoneNumberType type = util.GetNumberType(number);
    phone->valid = util.IsValidNumber(number) || is_newer(number.country_code(), national);
    phone->mobile =
        type == PhoneNumberUtil::MOBILE || type == PhoneNumberUtil::FIXED_LINE_OR_MOBILE;
    phone->extension = number.has_extension() && !number.extension().empty();
}

// The start of the text for a person to recognise, never half a character.
std::string shown(const char *text)
{
    std::string out(text ? text : "");
    size_t size = out.size() < 60 ? out.size() : 60;
    while (size < out.size() && size > 0 && (out[size] & 0xC0) == 0x80)
        size--;
    out.resize(size);
    return out;
}

const Reason *parse(const char *text, const char *country, struct kj_phone *phone)
{
    std::string trimmed = trim(text ? text : "");
    PhoneNumber number;
    if (trimmed.empty())
        return &k_empty;
    if (trimmed.size() > k_longest)
        return &k_not_a_number;
    if (!undo_spreadsheet(trimmed))
        return &k_not_a_number;
    phone->several = cut_to_first(trimmed);
    const PhoneNumberUtil &util = *PhoneNumberUtil::GetInstance();
    const Reason *reason = read(util, trimmed, country && country[0] ? country : "ZZ", &number);
    if (reason == nullptr)
        describe(util, number, phone);
    return reason;
}
} // namespace

extern "C" int kj_phone_parse(const char *text, const char *country, struct kj_phone *phone,
                              struct kj_fault *fault)
{
    *phone = {};
    try {
        const Reason *reason = parse(text, country, phone);
        if (reason == nullptr)
            return KJ_OK;
        *phone = {};
        return kj_fault(fault, KJ_EINVAL, reason->word, reason->hint, "%s: \"%s\"", reason->text,
                        shown(text).c_str());
    } catch (...) {
        *phone = {};
        return kj_fault(fault, KJ_EINTERNAL, "phone", nullptr,
                        "the phone number library failed on this text");
    }
}

extern "C" int kj_country_calling_code(const char *country)
{
    try {
        return country ? PhoneNumberUtil::GetInstance()->GetCountryCodeForRegion(country) : 0;
    } catch (...) {
        return 0;
    }
}
