-- Lead qualification: is there a need, a budget, a decision maker, and how soon?
-- Works from the transcript alone; with a model the variables also carry the model's quotes.
local extract = require("extract")

local ask = {
  interested = {
    en = "Are you interested in an offer?",
    de = "Haben Sie Interesse an einem Angebot?",
    es = "¿Le interesa recibir una oferta?",
  },
  decision_maker = {
    en = "Do you decide about this yourself?",
    de = "Entscheiden Sie das selbst?",
    es = "¿Decide usted sobre esto?",
  },
  budget = {
    en = "What budget do you have in mind, in euros?",
    de = "Welches Budget haben Sie dafür vorgesehen, in Euro?",
    es = "¿Qué presupuesto tiene previsto, en euros?",
  },
  company_size = {
    en = "How many people work in your company?",
    de = "Wie viele Menschen arbeiten in Ihrem Unternehmen?",
    es = "¿Cuántas personas trabajan en su empresa?",
  },
  timeline = {
    en = "When do you plan to decide: right away, within three months, or later?",
    de = "Wann möchten Sie entscheiden: sofort, in den nächsten drei Monaten oder später?",
    es = "¿Cuándo piensa decidir: ahora mismo, en tres meses o más adelante?",
  },
}

local timelines = { "now", "three_months", "later" }
local timeline_labels = {
  now = { en = "right away", de = "sofort", es = "ahora mismo" },
  three_months = { en = "within three months", de = "in den nächsten drei Monaten", es = "en tres meses" },
  later = { en = "later", de = "später", es = "más adelante" },
}

local function first_name(c) return c.lead.first_name end

return kejue.rules {
  name = "lead-qualification",

  settings = {
    min_budget = { type = "integer", default = 5000, guidance = "euros from which a lead counts as qualified" },
    crm = { type = "boolean", default = false, guidance = "write each result to the CRM" },
  },

  guidance = {
    analysis = "Judge only what the lead said. A polite refusal is no interest.",
    callback = "A callback is wished when the lead names a time or asks to be called again.",
    appointment = "An appointment is wished when the lead agrees to a visit or a longer call at a time.",
    template = "Send the confirmation after an appointment, information to interested leads, nothing to others.",
  },

  variables = {
    interested = {
      type = "boolean", guidance = "the lead wants an offer or more information",
      ask = ask.interested, from = extract.yes_no(ask.interested),
    },
    decision_maker = {
      type = "boolean", guidance = "the lead decides alone or together with others",
      ask = ask.decision_maker, from = extract.yes_no(ask.decision_maker),
    },
    budget = {
      type = "integer", min = 0, max = 50000, guidance = "planned budget in euros; of a range the lower end",
      ask = ask.budget, from = extract.integer(ask.budget),
    },
    company_size = {
      type = "integer", min = 1, max = 5000, guidance = "number of people in the company",
      ask = ask.company_size, from = extract.integer(ask.company_size),
    },
    timeline = {
      type = "enum", values = timelines, labels = timeline_labels,
      guidance = "when the lead plans to decide",
      ask = ask.timeline, from = extract.choice(ask.timeline, timelines, timeline_labels),
    },
    enough_budget = {
      type = "boolean",
      from = function(c) return c.vars.budget and c.vars.budget >= c.settings.min_budget end,
    },
  },

  success = {
    { "excellent", function(c)
      return c.appointment ~= nil and c.appointment.state ~= "refused", "an appointment was agreed"
    end },
    { "excellent", function(c)
      return c.is("interested", true) and c.is("enough_budget", true) and c.is("timeline", "now"),
        "interest, budget and a decision now"
    end },
    { "good", function(c) return c.is("interested", true) and c.is("enough_budget", true) end },
    { "good", function(c) return c.callback ~= nil and c.callback.state == "ok" and not c.is("interested", false) end },
    { "fair", function(c) return c.is("interested", true) end },
    { "poor" },
  },

  verdicts = {
    fit = {
      scale = "client",
      { "na", function(c) return c.missing("decision_maker", "budget") end },
      { "good", function(c) return c.is("decision_maker", true) and c.is("enough_budget", true) end },
      { "bad", function(c) return c.is("decision_maker", false) and c.is("enough_budget", false) end },
      { "partially_good" },
    },
  },

  score = {
    { 30, function(c) return c.is("interested", true) end },
    { 25, function(c) return c.is("enough_budget", true) end },
    { 20, function(c) return c.is("timeline", "now") end },
    { 10, function(c) return c.is("timeline", "three_months") end },
    { 15, function(c) return c.is("decision_maker", true) end },
    { 10, function(c) return (c.vars.company_size or 0) >= 50 end },
    { -20, function(c) return c.is("interested", false) end },
  },

  lead_status = {
    { "not_reached", function(c) return not c.call.reached end },
    { "appointment", function(c) return c.appointment ~= nil and c.appointment.state ~= "refused" end },
    { "qualified", function(c) return c.success == "excellent" or c.success == "good" end },
    { "nurturing", function(c) return c.success == "fair" end },
    { "unqualified" },
  },

  tags = {
    { "hot", function(c) return (c.score or 0) >= 70 end },
    { "large_company", function(c) return (c.vars.company_size or 0) >= 250 end },
    { "needs_another_contact", function(c) return c.is("decision_maker", false) end },
  },

  retry = { gaps = { "3h", "1d", "3d" }, on = { "busy", "no_answer", "voicemail", "unreachable", "rejected" } },
  callback = { expires = "10m" },
  appointments = {
    verb = "calendar.book", duration_minutes = 45,
    title = function(c) return "Consultation " .. (c.lead.last_name or c.lead.phone_number) end,
  },

  templates = {
    appointment_confirmed = {
      languages = { "en", "de", "es" }, fallback_language = "en", after = "appointment", otherwise = "offer_information",
      parameters = {
        name = first_name,
        at = function(c, language) return c.appointment and kejue.time.format(c.appointment.at, "long", language) end,
      },
      buttons = { "reschedule" },
    },
    offer_information = {
      languages = { "en", "de", "es" }, fallback_language = "en", otherwise = "offer_information_plain",
      parameters = { first_name, function(c) return c.lead.company end },
    },
    offer_information_plain = { languages = { "en", "de", "es" }, fallback_language = "en" },
    missed_call = { languages = { "en", "de", "es" }, fallback_language = "en" },
  },

  template = {
    { "missed_call", function(c) return not c.call.reached and c.call.attempts_left == 0 end },
    { kejue.none, function(c) return not c.call.reached end },
    { "appointment_confirmed", function(c) return c.appointment ~= nil and c.appointment.at ~= nil end },
    { "offer_information", function(c) return c.success == "excellent" or c.success == "good" or c.success == "fair" end },
  },

  effects = function(c)
    if not c.settings.crm or not c.call.reached then return {} end
    return { {
      key = "crm", verb = "crm.upsert", retry = { "2m", "1h", "6h" }, expires = "24h",
      args = {
        record = {
          lead = { phone_number = c.lead.phone_number, first_name = c.lead.first_name, last_name = c.lead.last_name },
          status = c.lead_status, success = c.success, score = c.score,
          budget = c.vars.budget, timeline = c.vars.timeline, company_size = c.vars.company_size,
        },
      },
    } }
  end,
}
