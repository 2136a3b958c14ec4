-- The pack that rules_bench judges: some 20 fields read, four patterns, a plan of some 15 values,
-- as after an ordinary call.
return kejue.rules {
  name = "after-call",

  variables = {
    interest = { type = "enum", values = { "high", "medium", "low" }, guidance = "how much the lead wants it" },
    consent = { type = "boolean", guidance = "agreed to renew" },
    reason = { type = "string", guidance = "what spoke for or against it" },
    contract_no = { type = "integer", from = function(c) return tonumber(c.context.contract:match("^%u%u%-(%d+)")) end },
    email_ok = { type = "boolean", from = function(c) return c.lead.email:find("^[%w%.%-_]+@[%w%.%-]+%.%a+$") ~= nil end },
    value = { type = "number", from = function(c) return c.context.amount * (1 - c.context.discount) end },
  },

  scale = { levels = { "won", "warm", "lost", "none" }, success = { "won" } },
  success = {
    { "none", function(c) return c.call.answered_by ~= "human" or c.call.duration_seconds <= 20 end },
    { "won", function(c) return c.vars.consent and c.vars.interest == "high" end },
    { "warm", function(c) return c.vars.interest == "medium" or c.context.score >= 60 end },
    { "lost" },
  },

  lead_status = {
    { "renewed", function(c) return c.success == "won" and c.call.disposition == "completed" end },
    { "open" },
  },

  tags = {
    { "send-confirmation", function(c) return c.summary:lower():find("confirmation", 1, true) ~= nil end },
    { "discount", function(c) return c.context.discount > 0.1 end },
    { "retried", function(c) return c.call.attempt > 1 end },
  },

  templates = {
    renewal = {
      languages = { "de", "en" }, fallback_language = "en",
      parameters = {
        name = function(c) return c.lead.first_name end,
        phone = function(c) return (c.lead.phone_number:gsub("[^%d+]", "")) end,
        campaign = function(c) return c.campaign.name end,
        city = function(c) return c.context.city end,
        visit = function(c)
          local y, m, d = c.context.appointment:match("^(%d%d%d%d)-(%d%d)-(%d%d)T")
          return d .. "." .. m .. "." .. y
        end,
      },
    },
  },
  template = { { "renewal", function(c) return c.success == "won" end } },
}
