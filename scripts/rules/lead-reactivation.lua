-- Lead reactivation: people who asked once and went quiet. Are they still looking, and what holds
-- them back?
local extract = require "extract"
local interest = require "interest"

local STILL = { en = "Are you still looking for a solution?",
                de = "Sind Sie noch auf der Suche nach einer Lösung?",
                es = "¿Sigue buscando una solución?" }
local REASON = { en = "What has kept you from deciding: the price, the time, or the trust?",
                 de = "Was hat Sie bisher abgehalten: der Preis, die Zeit oder das Vertrauen?",
                 es = "¿Qué le ha frenado hasta ahora: el precio, el tiempo o la confianza?" }

local REASONS = { "price", "time", "trust" }
local REASON_LABELS = {
  price = { en = "the price", de = "der Preis", es = "el precio" },
  time = { en = "the time", de = "die Zeit", es = "el tiempo" },
  trust = { en = "the trust", de = "das Vertrauen", es = "la confianza" },
}

return kejue.rules {
  name = "lead-reactivation",
  settings = { discount = { type = "integer", default = 10 } },
  variables = {
    still_looking = { type = "boolean", guidance = "still looks for a solution", ask = STILL,
                      from = function(c) return extract.yes_no(c, STILL) end },
    obstacle = { type = "enum", values = REASONS, labels = REASON_LABELS,
                 guidance = "what holds the lead back", ask = REASON,
                 from = function(c) return extract.choice(c, REASON, REASONS, REASON_LABELS) end },
    interest = { type = "enum", values = { "eager", "open", "cold" },
                 from = function(c) return interest.level(c) end },
  },
  success = {
    { "excellent", function(c) return c.is("still_looking", true) and c.vars.interest == "eager" end },
    { "good", function(c) return c.is("still_looking", true) and c.vars.interest ~= "cold" end },
    { "fair", function(c) return c.is("still_looking", true) or c.callback ~= nil end },
    { "poor" },
  },
  score = {
    { 50, function(c) return c.is("still_looking", true) end },
    { 30, function(c) return c.vars.interest == "eager" end },
    { 20, function(c) return c.vars.obstacle == "price" end },
  },
  lead_status = {
    { "reactivated", function(c) return c.success == "excellent" or c.success == "good" end },
    { "closed", function(c) return c.is("still_looking", false) end },
  },
  retry = { gaps_minutes = { 1440, 4320 } },
  templates = {
    price_offer = {
      languages = { "en", "de", "es" }, fallback_language = "en", otherwise = "welcome_back",
      parameters = {
        name = function(c) return c.lead.first_name end,
        discount = function(c) return c.settings.discount end,
      },
    },
    welcome_back = { languages = { "en", "de", "es" }, fallback_language = "en" },
  },
  template = {
    { "price_offer", function(c) return c.vars.obstacle == "price" and c.vars.interest ~= "cold" end },
    { "welcome_back", function(c) return c.is("still_looking", true) end },
  },
}
