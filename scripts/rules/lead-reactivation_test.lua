local function talk(...)
  local turns = {}
  for i, text in ipairs({ ... }) do
    turns[i] = { speaker = i % 2 == 1 and "assistant" or "lead", text = text }
  end
  return turns
end

return kejue.tests { pack = "lead-reactivation",
  { "interested again, with a motive",
    c = {
      call = { language = "de" }, lead = { first_name = "Jana" },
      history = { { at = "2025-06-01T10:00:00Z", disposition = "completed", success = "good", score = 60 } },
      transcript = talk(
        "Ist das Thema für Sie noch aktuell?", "Ja, das stimmt.",
        "Was ist Ihnen heute am wichtigsten: der Preis, die Qualität oder der Service?", "Ich würde sagen die Qualität."),
    },
    plan = {
      success = "success", lead_status = "reactivated", score = 60,
      variables = { motive = { value = "quality", turn = 4 }, last_success = { value = "good" } },
      lead_changes = { metadata = { motive = "quality", ask_again_at = "2026-04-05T10:00:00Z" } },
      template = { name = "reactivation_offer", language = "de",
                   parameters = { name = "Jana", topic = "unser Qualitätsversprechen" } },
    } },

  { "later: the pause is what the lead says",
    c = { call = { language = "en" }, transcript = talk(
      "Is this topic still of interest to you?", "No, not really.",
      "In how many months would it be of interest again?", "Maybe in six.") },
    plan = {
      success = "partial_success", lead_status = "later", variables = { again_in_months = { value = 6 } },
      lead_changes = { metadata = { ask_again_at = "2026-07-05T10:00:00Z" } }, template = kejue.none,
    } },

  { "not any more",
    c = { call = { language = "es" }, settings = { pause_days = 365 }, transcript = talk(
      "¿Sigue siendo de su interés este tema?", "No, la verdad es que no.") },
    plan = { success = "not_successful", lead_status = "closed",
             lead_changes = { metadata = { ask_again_at = "2027-01-05T10:00:00Z" } } } },

  { "the questions of the other pack are asked, too",
    c = { call = { language = "en" }, transcript = talk(
      "Is this topic still of interest to you?", "Yes.",
      "What budget do you have in mind, in euros?", "Ten thousand.") },
    plan = { success = "success", score = 60, variables = { enough_budget = { value = true } },
             template = { name = "offer_information_plain", instead_of = "reactivation_offer" } } },

  { "not reached: less often than others",
    c = { call = { reached = false, disposition = "voicemail" } },
    plan = { success = "not_applicable", lead_status = "not_reached", lead_changes = kejue.none,
             next = { kind = "retry", at = "2026-01-06T10:00:00Z", gaps_minutes = { 1440, 10080 } } } },

  { "preselection: called last week",
    c = { kind = "preselection", lead = { last_called_at = "2025-12-30T10:00:00Z" } },
    plan = { kind = "preselection", success = kejue.none,
             preselection = { decision = "rejected", reason = "called less than 30 days ago", overwrites = kejue.none } } },

  { "preselection: welcome",
    c = { kind = "preselection", lead = { company = "Sol SL", last_called_at = "2025-10-01T10:00:00Z" } },
    plan = { preselection = { decision = "approved", overwrites = { first_message_hint = "mention Sol SL" } } } },

  { "re-evaluation judges and sends nothing",
    c = { kind = "reevaluation", vars = { interested = true } },
    plan = { kind = "reevaluation", success = "success", template = kejue.none, lead_changes = kejue.none, next = kejue.none } },
}
