-- The work of after-call.lua in one function over a bare view, nothing checked and nothing
-- explained: the limit that rules_bench measures itself against.
return function(c)
  local call, lead, more, said = c.call, c.lead, c.context, c.answers.variables
  local consent, interest = said.consent.value, said.interest.value
  local level, tags = "lost", {}
  if call.answered_by ~= "human" or call.duration_seconds <= 20 then level = "none"
  elseif consent and interest == "high" then level = "won"
  elseif interest == "medium" or more.score >= 60 then level = "warm" end
  local email_ok = lead.email:find("^[%w%.%-_]+@[%w%.%-]+%.%a+$") ~= nil
  local number = tonumber(more.contract:match("^%u%u%-(%d+)"))
  if c.summary:lower():find("confirmation", 1, true) then tags[#tags + 1] = "send-confirmation" end
  if more.discount > 0.1 then tags[#tags + 1] = "discount" end
  if call.attempt > 1 then tags[#tags + 1] = "retried" end
  local won = level == "won"
  local y, m, d = more.appointment:match("^(%d%d%d%d)-(%d%d)-(%d%d)T")
  return {
    success = level, lead_status = won and call.disposition == "completed" and "renewed" or "open", tags = tags,
    interest = interest, consent = consent, reason = said.reason.value, contract_no = number, email_ok = email_ok,
    value = more.amount * (1 - more.discount), template = won and "renewal" or nil,
    language = call.language, name = lead.first_name, phone = (lead.phone_number:gsub("[^%d+]", "")),
    campaign = c.campaign.name, city = more.city, visit = d .. "." .. m .. "." .. y,
  }
end
