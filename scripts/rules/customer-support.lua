-- Customer support: an inbound call about a problem, or our follow-up call. Was it solved, how happy is
-- the customer, and who must act now?
local extract = require("extract")

local ask = {
  topic = {
    en = "Is it about an invoice, a delivery, or a technical problem?",
    de = "Geht es um eine Rechnung, eine Lieferung oder ein technisches Problem?",
    es = "¿Se trata de una factura, una entrega o un problema técnico?",
  },
  resolved = {
    en = "Has your problem been solved?",
    de = "Ist Ihr Problem gelöst?",
    es = "¿Se ha resuelto su problema?",
  },
  satisfaction = {
    en = "How satisfied are you, from one to ten?",
    de = "Wie zufrieden sind Sie, von eins bis zehn?",
    es = "¿Cómo de satisfecho está, del uno al diez?",
  },
  wants_agent = {
    en = "Shall a colleague call you back?",
    de = "Soll Sie eine Kollegin oder ein Kollege zurückrufen?",
    es = "¿Quiere que le llame un compañero?",
  },
}

local topics = { "invoice", "delivery", "technical" }
local topic_labels = {
  invoice = { en = "an invoice", de = "eine Rechnung", es = "una factura" },
  delivery = { en = "a delivery", de = "eine Lieferung", es = "una entrega" },
  technical = { en = "a technical problem", de = "ein technisches Problem", es = "un problema técnico" },
}

local angry = {
  "complaint", "lawyer", "cancel my contract", "unacceptable", "outrageous",
  "beschwerde", "anwalt", "kündigen", "unverschämt", "frechheit",
  "queja", "abogado", "cancelar el contrato", "inaceptable", "vergüenza",
}

return kejue.rules {
  name = "customer-support",

  settings = {
    crm = { type = "boolean", default = false, guidance = "write each result to the CRM" },
    alarm_below = { type = "integer", default = 4, guidance = "a satisfaction below this is escalated" },
  },

  guidance = {
    analysis = "The customer's problem counts as solved only when the customer says so.",
    callback = "A callback is wished when the customer asks for a person.",
  },

  variables = {
    topic = {
      type = "enum", values = topics, labels = topic_labels, guidance = "what the call is about",
      ask = ask.topic, from = extract.choice(ask.topic, topics, topic_labels),
    },
    resolved = {
      type = "boolean", guidance = "the customer says that the problem is solved",
      ask = ask.resolved, from = extract.yes_no(ask.resolved),
    },
    satisfaction = {
      type = "integer", min = 1, max = 10, guidance = "satisfaction from 1 to 10, as the customer said it",
      ask = ask.satisfaction, from = extract.integer(ask.satisfaction),
    },
    wants_agent = {
      type = "boolean", guidance = "the customer wants to be called by a person",
      ask = ask.wants_agent, from = extract.yes_no(ask.wants_agent),
    },
    angry = {
      type = "boolean",
      from = function(c)
        if #c.transcript == 0 then return nil end
        return extract.said(c, angry)
      end,
    },
    escalate = {
      type = "boolean",
      from = function(c)
        local low = c.vars.satisfaction and c.vars.satisfaction < c.settings.alarm_below
        return c.is("angry", true) or c.is("resolved", false) or low or false
      end,
    },
  },

  success = {
    { "excellent", function(c) return c.is("resolved", true) and (c.vars.satisfaction or 0) >= 9 end },
    { "good", function(c) return c.is("resolved", true) end },
    { "fair", function(c) return c.is("wants_agent", true) or c.callback ~= nil, "a colleague takes over" end },
    { "poor" },
  },

  verdicts = {
    solved = {
      scale = "goal",
      { "success", function(c) return c.is("resolved", true) end },
      { "partial_success", function(c) return c.missing("resolved") end },
      { "not_successful" },
    },
    mood = {
      scale = { levels = { "happy", "neutral", "unhappy" }, success = { "happy" } },
      { "unhappy", function(c) return c.is("angry", true) or (c.vars.satisfaction or 10) < c.settings.alarm_below end },
      { "happy", function(c) return (c.vars.satisfaction or 0) >= 8 end },
      { "neutral" },
    },
  },

  score = function(c)
    if c.missing("satisfaction") then return nil, "nobody gave a mark" end
    return c.vars.satisfaction * 10
  end,

  lead_status = {
    { "not_reached", function(c) return not c.call.reached end },
    { "escalated", function(c) return c.vars.escalate end },
    { "solved", function(c) return c.is("resolved", true) end },
    { "open" },
  },

  tags = {
    { "invoice", function(c) return c.is("topic", "invoice") end },
    { "delivery", function(c) return c.is("topic", "delivery") end },
    { "technical", function(c) return c.is("topic", "technical") end },
    { "angry", function(c) return c.is("angry", true) end },
  },

  -- Only our own calls are tried again; who called us will call again.
  retry = function(c)
    if c.call.type == "inbound" then return false, "the customer called us" end
    if c.call.reached then return false, "we spoke" end
    return { "2h", "1d" }, "a follow-up is owed"
  end,

  callback = {
    expires = "30m",
    when = function(c)
      if c.callback and c.callback.state == "ok" then return true, "the customer named a time" end
      if c.is("wants_agent", true) then return kejue.time.add(c.now, "2h"), "a colleague within two hours" end
    end,
  },

  templates = {
    support_summary = {
      languages = { "en", "de", "es" }, fallback_language = "en", otherwise = "support_thanks",
      header = function(_, language)
        return ({ en = "Your call", de = "Ihr Anruf", es = "Su llamada" })[language]
      end,
      parameters = {
        name = function(c) return c.lead.first_name end,
        topic = function(c, language) return c.vars.topic and topic_labels[c.vars.topic][language] end,
      },
    },
    support_thanks = { languages = { "en", "de", "es" }, fallback_language = "en" },
  },

  template = {
    { kejue.none, function(c) return not c.call.reached or c.vars.escalate end },
    { "support_summary", function(c) return c.is("resolved", true) end },
  },

  effects = function(c)
    local effects = {}
    if c.settings.crm and c.call.reached then
      effects[1] = {
        key = "crm", verb = "crm.upsert", retry = { "2m", "1h" }, expires = "24h",
        args = { record = {
          lead = { phone_number = c.lead.phone_number },
          topic = c.vars.topic, resolved = c.vars.resolved, satisfaction = c.vars.satisfaction,
          escalate = c.vars.escalate, status = c.lead_status,
        } },
      }
    end
    return effects
  end,
}
