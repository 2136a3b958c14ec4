-- Lead reactivation: somebody talked to us long ago. Is there still a need, and what has changed?
-- Extends lead-qualification: its questions, templates and CRM record stay, the goal is another.
local extract = require("extract")

local ask = {
  still_interested = {
    en = "Is this topic still of interest to you?",
    de = "Ist das Thema für Sie noch aktuell?",
    es = "¿Sigue siendo de su interés este tema?",
  },
  changed = {
    en = "What matters most to you today: the price, the quality, or the service?",
    de = "Was ist Ihnen heute am wichtigsten: der Preis, die Qualität oder der Service?",
    es = "¿Qué es lo más importante para usted hoy: el precio, la calidad o el servicio?",
  },
  months = {
    en = "In how many months would it be of interest again?",
    de = "In wie vielen Monaten wäre es wieder interessant?",
    es = "¿En cuántos meses volvería a ser interesante?",
  },
}

local motives = { "price", "quality", "service" }
local motive_labels = {
  price = { en = "the price", de = "der Preis", es = "el precio" },
  quality = { en = "the quality", de = "die Qualität", es = "la calidad" },
  service = { en = "the service", de = "der Service", es = "el servicio" },
}

return kejue.rules {
  name = "lead-reactivation",
  extends = "lead-qualification",

  settings = {
    pause_days = { type = "integer", default = 90, guidance = "days until a lead that said no is asked again" },
  },

  variables = {
    interested = {
      guidance = "the topic is still of interest to the lead",
      ask = ask.still_interested, from = extract.yes_no(ask.still_interested),
    },
    motive = {
      type = "enum", values = motives, labels = motive_labels, guidance = "what matters most to the lead today",
      ask = ask.changed, from = extract.choice(ask.changed, motives, motive_labels),
    },
    again_in_months = {
      type = "integer", min = 1, max = 24, guidance = "months until the lead wants to hear from us",
      ask = ask.months, from = extract.integer(ask.months),
    },
    last_success = {
      type = "string",
      from = function(c) return c.history[1] and c.history[1].success end,
    },
  },

  scale = "goal",
  success = {
    { "success", function(c) return c.appointment ~= nil and c.appointment.state ~= "refused" end },
    { "success", function(c) return c.is("interested", true), "the topic is open again" end },
    { "partial_success", function(c) return c.vars.again_in_months ~= nil end },
    { "partial_success", function(c) return c.callback ~= nil end },
    { "not_successful" },
  },

  score = {
    { 40, function(c) return c.is("interested", true) end },
    { 20, function(c) return c.is("enough_budget", true) end },
    { 20, function(c) return c.is("timeline", "now") end },
    { 10, function(c) return c.vars.motive ~= nil end },
    { 10, function(c) return c.vars.last_success == "good" or c.vars.last_success == "excellent" end },
  },

  lead_status = {
    { "not_reached", function(c) return not c.call.reached end },
    { "reactivated", function(c) return c.success == "success" end },
    { "later", function(c) return c.success == "partial_success" end },
    { "closed" },
  },

  lead_changes = function(c)
    if not c.call.reached then return nil end
    local pause = c.vars.again_in_months
    local next_at = pause and kejue.time.add(c.now, pause, "months")
      or kejue.time.add(c.now, c.settings.pause_days, "days")
    return { metadata = { motive = c.vars.motive, ask_again_at = next_at } }
  end,

  templates = {
    reactivation_offer = {
      languages = { "en", "de", "es" }, fallback_language = "en", otherwise = "offer_information_plain",
      parameters = {
        name = function(c) return c.lead.first_name end,
        topic = function(c, language)
          local words = {
            en = { price = "our new prices", quality = "our quality promise", service = "our service" },
            de = { price = "unsere neuen Preise", quality = "unser Qualitätsversprechen", service = "unser Service" },
            es = { price = "nuestros precios", quality = "nuestra calidad", service = "nuestro servicio" },
          }
          return c.vars.motive and (words[language] or words.en)[c.vars.motive]
        end,
      },
    },
  },

  template = {
    { kejue.none, function(c) return not c.call.reached end },
    { "appointment_confirmed", function(c) return c.appointment ~= nil and c.appointment.at ~= nil end },
    { "reactivation_offer", function(c) return c.success == "success" end },
  },

  -- A lead who has gone quiet is called less often.
  retry = { gaps = { "1d", "7d" }, on = { "busy", "no_answer", "voicemail" } },

  preselection = {
    decide = {
      { "rejected", function(c)
        local last = c.lead.last_called_at
        return last ~= nil and kejue.time.diff(c.now, last, "days") < 30, "called less than 30 days ago"
      end },
      { "rejected", function(c) return c.lead.status == "do_not_call" end },
      { "approved" },
    },
    overwrites = function(c)
      return { first_message_hint = c.lead.company and ("mention " .. c.lead.company) or nil }
    end,
  },
}
