local function talk(...)
  local turns = {}
  for i, text in ipairs({ ... }) do
    turns[i] = { speaker = i % 2 == 1 and "assistant" or "lead", text = text }
  end
  return turns
end

return kejue.tests { pack = "customer-support",
  { "solved and happy",
    c = {
      call = { type = "inbound", language = "de" }, lead = { first_name = "Ute" },
      transcript = talk(
        "Geht es um eine Rechnung, eine Lieferung oder ein technisches Problem?", "Das wäre eine Rechnung.",
        "Ist Ihr Problem gelöst?", "Ja.",
        "Wie zufrieden sind Sie, von eins bis zehn?", "Neun."),
    },
    plan = {
      success = "excellent", score = 90, lead_status = "solved", tags = { "invoice" },
      verdicts = { solved = "success", mood = "happy" },
      variables = { topic = { value = "invoice" }, satisfaction = { value = 9, turn = 6 }, escalate = { value = false } },
      template = { name = "support_summary", language = "de", header = { type = "text", text = "Ihr Anruf" },
                   parameters = { name = "Ute", topic = "eine Rechnung" } },
      next = { kind = "none", reason = "the customer called us" },
    } },

  { "not solved: a colleague calls back, nothing is sent",
    c = {
      call = { language = "en" },
      transcript = talk(
        "Is it about an invoice, a delivery, or a technical problem?", "A technical problem, I think.",
        "Has your problem been solved?", "No, not really.",
        "Shall a colleague call you back?", "Yes, please."),
    },
    plan = {
      success = "fair", lead_status = "escalated", tags = { "technical" }, score = kejue.none,
      verdicts = { solved = "not_successful", mood = "neutral" }, template = kejue.none,
      next = { kind = "callback", at = "2026-01-05T12:00:00Z", expires_at = "2026-01-05T12:30:00Z",
               reason = "a colleague within two hours" },
    } },

  { "angry words escalate",
    c = { call = { language = "es" }, transcript = talk(
      "¿Se ha resuelto su problema?", "No, eso no. ¡Es inaceptable, llamaré a mi abogado!",
      "¿Cómo de satisfecho está, del uno al diez?", "Uno.") },
    plan = { success = "poor", score = 10, tags = { "angry" }, verdicts = { mood = "unhappy" },
             variables = { angry = { value = true, turn = 2 }, escalate = { value = true } } } },

  { "a follow-up that reached nobody is tried again",
    c = { call = { reached = false, disposition = "no_answer" } },
    plan = { success = "not_applicable", lead_status = "not_reached",
             next = { kind = "retry", gaps_minutes = { 120, 1440 }, reason = "a follow-up is owed" } } },

  { "an unnamed customer gets the short message; the CRM learns of it",
    c = { settings = { crm = true }, vars = { resolved = true } },
    plan = { success = "good", template = { name = "support_thanks", instead_of = "support_summary" },
             effects = { { verb = "crm.upsert", args = { record = { resolved = true, status = "solved" } } } } } },
}
