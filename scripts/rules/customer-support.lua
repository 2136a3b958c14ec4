-- Customer support: a call after a case was closed. Was it solved, how content is the customer, must
-- somebody look again?
local extract = require "extract"

local SOLVED = { en = "Has your problem been solved?", de = "Wurde Ihr Problem gelöst?",
                 es = "¿Se ha resuelto su problema?" }
local RATING = { en = "How content are you, from one to ten?",
                 de = "Wie zufrieden sind Sie, von eins bis zehn?",
                 es = "¿Cómo de satisfecho está, del uno al diez?" }

return kejue.rules {
  name = "customer-support",
  variables = {
    solved = { type = "boolean", guidance = "the problem is solved", ask = SOLVED,
               from = function(c) return extract.yes_no(c, SOLVED) end },
    rating = { type = "integer", min = 1, max = 10, guidance = "how content, 1 to 10", ask = RATING,
               from = function(c) return extract.integer(c, RATING) end },
    needs_person = { type = "boolean", from = function(c)
      return c.is("solved", false) or (c.vars.rating ~= nil and c.vars.rating <= 4)
    end },
  },
  success = {
    { "excellent", function(c) return c.is("solved", true) and (c.vars.rating or 0) >= 9 end },
    { "good", function(c) return c.is("solved", true) end },
    { "poor", function(c) return c.is("solved", false), "not solved" end },
    { "fair", function(c) return c.vars.rating ~= nil end },
    { "poor" },
  },
  verdicts = {
    care = { scale = "client",
             { "bad", function(c) return c.is("needs_person", true) end },
             { "good", function(c) return c.is("solved", true) end },
             { "partially_good" } },
  },
  score = function(c) return c.vars.rating and c.vars.rating * 10 or 0 end,
  lead_status = {
    { "needs attention", function(c) return c.is("needs_person", true) end },
    { "content", function(c) return c.is("solved", true) end },
  },
  tags = { { "reopen", function(c) return c.is("solved", false) end } },
  templates = {
    we_look_again = {
      languages = { "en", "de", "es" }, fallback_language = "en", otherwise = "thank_you",
      parameters = { name = function(c) return c.lead.first_name end },
    },
    thank_you = { languages = { "en", "de", "es" }, fallback_language = "en" },
  },
  template = {
    { "we_look_again", function(c) return c.is("needs_person", true) end },
    { "thank_you", function(c) return c.is("solved", true) end },
  },
}
