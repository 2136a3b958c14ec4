-- The talk as the assistant leads it: each answer stands right behind its question.
local function talk(...)
  local turns = {}
  for i, text in ipairs({ ... }) do
    turns[i] = { speaker = i % 2 == 1 and "assistant" or "lead", text = text }
  end
  return turns
end

return kejue.tests { pack = "lead-qualification",
  { "english, all answers, digits with a separator",
    c = {
      call = { language = "en" },
      lead = { first_name = "Ada", company = "Lovelace Ltd", phone_number = "+442071234567" },
      transcript = talk(
        "Hello Ada, do you have a moment?", "Yes, go on.",
        "Thank you. Are you interested in an offer?", "Yes, I do.",
        "Understood. Do you decide about this yourself?", "Yes, that's right.",
        "What budget do you have in mind, in euros?", "Around 8,000 euros.",
        "How many people work in your company?", "About sixty five.",
        "When do you plan to decide: right away, within three months, or later?", "I'd say right away."),
    },
    plan = {
      success = "excellent", score = 100, lead_status = "qualified", tags = { "hot" },
      verdicts = { fit = "good" },
      variables = {
        interested = { value = true, state = "derived", turn = 4, quote = "Yes, I do." },
        budget = { value = 8000, turn = 8 },
        company_size = { value = 65, turn = 10 },
        timeline = { value = "now", turn = 12 },
        enough_budget = { value = true },
      },
      template = { name = "offer_information", language = "en", parameters = { "Ada", "Lovelace Ltd" } },
      next = { kind = "none" },
      appointment = kejue.none, opt_out = kejue.none, effects = {},
    } },

  { "german, number words in one word, the budget is too small",
    c = {
      call = { language = "de" }, lead = { first_name = "Jörg" },
      transcript = talk(
        "Haben Sie Interesse an einem Angebot?", "Ja, genau.",
        "Danke. Entscheiden Sie das selbst?", "Nein, eigentlich nicht.",
        "Welches Budget haben Sie dafür vorgesehen, in Euro?", "Ungefähr viertausendfünfhundert.",
        "Wie viele Menschen arbeiten in Ihrem Unternehmen?", "Etwa 300.",
        "Wann möchten Sie entscheiden: sofort, in den nächsten drei Monaten oder später?",
        "Das wäre in den nächsten drei Monaten."),
    },
    plan = {
      success = "fair", lead_status = "nurturing", score = 50,
      tags = { "large_company", "needs_another_contact" },
      verdicts = { fit = "bad" },
      variables = {
        decision_maker = { value = false, turn = 4 },
        budget = { value = 4500 },
        timeline = { value = "three_months" },
      },
      template = { name = "offer_information_plain", language = "de", instead_of = "offer_information" },
    } },

  { "spanish, number words",
    c = {
      call = { language = "es" }, lead = { first_name = "Eva", company = "Sol" },
      transcript = talk(
        "¿Le interesa recibir una oferta?", "Sí, claro.",
        "Gracias. ¿Decide usted sobre esto?", "Sí, así es.",
        "¿Qué presupuesto tiene previsto, en euros?", "Unos seis mil quinientos euros.",
        "¿Cuántas personas trabajan en su empresa?", "Treinta y cinco.",
        "¿Cuándo piensa decidir: ahora mismo, en tres meses o más adelante?", "Sería más adelante."),
    },
    plan = {
      success = "good", score = 70, tags = { "hot" },
      variables = { budget = { value = 6500 }, company_size = { value = 35 }, timeline = { value = "later" } },
      template = { language = "es", parameters = { "Eva", "Sol" } },
    } },

  { "vague answers are unknown, unasked questions are not_asked",
    c = { call = { language = "de" }, transcript = talk(
      "Haben Sie Interesse an einem Angebot?", "Das weiß ich nicht genau.",
      "Welches Budget haben Sie dafür vorgesehen, in Euro?", "Schwer zu sagen.") },
    plan = {
      success = "poor", score = 0, lead_status = "unqualified", verdicts = { fit = "na" },
      variables = {
        interested = { value = kejue.none, state = "unknown" },
        budget = { value = kejue.none, state = "unknown" },
        timeline = { state = "not_asked" },
      },
      template = kejue.none,
    } },

  { "a value out of range is invalid, not a budget",
    c = { call = { language = "en" }, transcript = talk(
      "What budget do you have in mind, in euros?", "Two million.") },
    plan = { variables = { budget = { value = kejue.none, state = "invalid", reason = "above 50000" } } } },

  { "what a model says counts, with its quote",
    c = {
      transcript = talk("Tell me.", "We want it, and we have nine thousand."),
      answers = { variables = {
        interested = { value = true, quote = "we want it", turn = 2 },
        budget = { value = 9000, quote = "nine thousand", turn = 2 },
        company_size = { value = 12, quote = "twelve people", turn = 2 },
      } },
    },
    plan = {
      success = "good",
      variables = {
        interested = { value = true, state = "value", turn = 2 },
        company_size = { value = kejue.none, state = "invalid", reason = "its quote is not in the talk" },
      },
    } },

  { "an appointment is booked and confirmed after the calendar",
    c = {
      lead = { first_name = "Ada", last_name = "King", timezone = "Europe/Berlin" }, call = { language = "de" },
      appointment = { state = "wished", at = "2026-01-07T14:00:00Z" },
    },
    plan = {
      success = "excellent", lead_status = "appointment",
      appointment = { verb = "calendar.book", at = "2026-01-07T14:00:00Z", duration_minutes = 45, title = "Consultation King" },
      template = {
        name = "appointment_confirmed", after = "appointment",
        parameters = { name = "Ada", at = "Mittwoch, 7. Januar um 15:00 Uhr" },
        buttons = { { type = "quick_reply", index = 0, payload = "reschedule" } },
      },
    } },

  { "nobody answered: no judgement, a retry by the gaps",
    c = { call = { reached = false, disposition = "no_answer", attempt = 2, attempts_left = 1 } },
    plan = {
      success = "not_applicable", score = kejue.none, lead_status = "not_reached",
      verdicts = { fit = "not_applicable" },
      next = { kind = "retry", gaps_minutes = { 180, 1440, 4320 }, at = "2026-01-06T10:00:00Z" },
      template = kejue.none,
    } },

  { "the last attempt failed: a message instead of a call",
    c = { call = { reached = false, disposition = "busy", attempt = 4, attempts_left = 0 } },
    plan = {
      next = { kind = "none", reason = "all 3 gaps are used up" },
      template = { name = "missed_call", language = "en", parameters = kejue.none },
    } },

  { "a wished callback comes before a retry",
    c = { callback = { state = "ok", at = "2026-01-06T13:00:00Z", quote = "tomorrow at two", turn = 4 } },
    plan = { success = "good", next = { kind = "callback", at = "2026-01-06T13:00:00Z", expires_at = "2026-01-06T13:10:00Z" } } },

  { "who refuses gets no call and no message",
    c = { opt_out = { asked = true, quote = "stop calling me", turn = 2 },
          callback = { state = "ok", at = "2026-01-06T13:00:00Z" } },
    plan = { opt_out = { scope = "all", reason = "stop calling me" }, next = kejue.none, template = kejue.none } },

  { "switched off for the group: nothing is sent",
    c = { group = { whatsapp_enabled = false }, vars = { interested = true } },
    plan = { success = "fair", template = kejue.none } },

  { "the CRM is written when the campaign says so",
    c = { settings = { crm = true, min_budget = 1000 }, vars = { interested = true, budget = 2000, timeline = "now" } },
    plan = {
      success = "excellent",
      effects = { {
        key = "crm", verb = "crm.upsert", retry = { "2m", "1h", "6h" }, expires = "24h",
        args = { record = { budget = 2000, success = "excellent", status = "qualified" } },
      } },
    } },
}
