-- Lead qualification: who may buy, how soon, for how much. Works from the answers alone; with a model
-- configured, the texts are judged as well.
local extract = require "extract"
local interest = require "interest"

local OWNER = { en = "Do you own the house you live in?",
                de = "Gehört Ihnen das Haus, in dem Sie wohnen?",
                es = "¿Es suya la casa en la que vive?" }
local BUDGET = { en = "What budget do you have in mind, in euros?",
                 de = "Welches Budget haben Sie sich vorgestellt, in Euro?",
                 es = "¿Qué presupuesto tiene en mente, en euros?" }
local TIMELINE = { en = "When would you like to decide?",
                   de = "Wann möchten Sie sich entscheiden?",
                   es = "¿Cuándo le gustaría decidirse?" }
local SIZE = { en = "How many people live in your household?",
               de = "Wie viele Personen leben in Ihrem Haushalt?",
               es = "¿Cuántas personas viven en su casa?" }

local WHEN = { "this_month", "this_quarter", "this_year", "later" }
local WHEN_LABELS = {
  this_month = { en = "this month", de = "noch diesen Monat", es = "este mes" },
  this_quarter = { en = "this quarter", de = "in diesem Quartal", es = "este trimestre" },
  this_year = { en = "this year", de = "in diesem Jahr", es = "este año" },
  later = { en = "later than that", de = "erst später", es = "más adelante" },
}

return kejue.rules {
  name = "lead-qualification",
  settings = {
    min_budget = { type = "integer", default = 5000 },
    crm = { type = "boolean", default = false },
  },
  guidance = {
    analysis = "Judge only what the lead says, not what the assistant offers.",
    callback = "Call back when the lead names a time.",
  },
  variables = {
    owner = { type = "boolean", guidance = "owns the house", ask = OWNER,
              from = function(c) return extract.yes_no(c, OWNER) end },
    budget = { type = "integer", min = 500, max = 60000, guidance = "budget in euros", ask = BUDGET,
               from = function(c) return extract.integer(c, BUDGET) end },
    timeline = { type = "enum", values = WHEN, labels = WHEN_LABELS, guidance = "when they decide",
                 ask = TIMELINE,
                 from = function(c) return extract.choice(c, TIMELINE, WHEN, WHEN_LABELS) end },
    household_size = { type = "integer", min = 1, max = 12, guidance = "people in the household",
                       ask = SIZE, from = function(c) return extract.integer(c, SIZE) end },
    interest = { type = "enum", values = { "eager", "open", "cold" },
                 from = function(c) return interest.level(c) end },
    wrong_person = { type = "boolean", from = function(c) return interest.wrong_person(c) end },
  },
  success = {
    { "excellent", function(c) return c.appointment ~= nil end },
    { "poor", function(c) return c.is("wrong_person", true), "wrong person" end },
    { "excellent", function(c)
        return c.vars.interest == "eager" and c.is("owner", true)
          and (c.vars.budget or 0) >= c.settings.min_budget, "eager owner with the budget"
      end },
    { "good", function(c) return c.vars.interest == "eager" or c.vars.interest == "open" end },
    { "fair", function(c) return c.callback ~= nil, "asked to be called back" end },
    { "fair", function(c) return c.vars.budget ~= nil and c.is("owner", true) end },
    { "poor" },
  },
  score = {
    { 40, function(c) return c.vars.interest == "eager" end },
    { 20, function(c) return c.vars.interest == "open" end },
    { 20, function(c) return c.is("owner", true) end },
    { 20, function(c) return (c.vars.budget or 0) >= c.settings.min_budget end },
    { 20, function(c) return c.vars.timeline == "this_month" or c.vars.timeline == "this_quarter" end },
  },
  lead_status = {
    { "wrong number", function(c) return c.is("wrong_person", true) end },
    { "qualified", function(c) return c.success == "excellent" or c.success == "good" end },
  },
  tags = {
    { "owner", function(c) return c.is("owner", true) end },
    { "soon", function(c) return c.vars.timeline == "this_month" end },
    { "wants-callback", function(c) return c.callback ~= nil end },
  },
  templates = {
    offer_details = {
      languages = { "en", "de", "es" }, fallback_language = "en", otherwise = "offer_plain",
      parameters = {
        name = function(c) return c.lead.first_name end,
        budget = function(c) return c.vars.budget end,
      },
    },
    offer_plain = { languages = { "en", "de", "es" }, fallback_language = "en" },
    sorry_missed_you = {
      languages = { "en", "de", "es" }, fallback_language = "en", otherwise = "sorry_missed_plain",
      parameters = { name = function(c) return c.lead.first_name end },
    },
    sorry_missed_plain = { languages = { "en", "de", "es" }, fallback_language = "en" },
  },
  template = {
    { "offer_details", function(c) return c.success == "excellent" or c.success == "good" end },
    { "sorry_missed_you", function(c)
        return not c.call.reached and c.call.disposition == "voicemail" and c.call.attempt == 1
      end },
  },
  effects = function(c)
    if not c.settings.crm or not c.call.reached then return {} end
    return { { key = "crm", verb = "crm.upsert",
               args = { record = { phone = c.lead.phone_number, status = c.lead_status,
                                   score = c.score, budget = c.vars.budget } },
               retry = { "2m", "1h" }, expires = "24h" } }
  end,
}
