-- After a call was analysed: look the lead up in the CRM's own words, write a note, remember its number.
-- Write-back of results belongs into the plan's effects; this hook is for where an answer steers what
-- comes next. Each call is a step that is recorded: a second run repeats nothing.
return {
  kejue.hook { on = "call.analyzed", uses = { "crm.upsert" }, run = function(ev)
    local success = ev.plan.success
    if success ~= "excellent" and success ~= "good" then return "nothing to note" end
    local answer, err = kejue.call("crm.upsert", {
      record = { lead_id = ev.lead.id, note = "call " .. ev.call.id .. ": " .. success },
    }, { key = "note", within = "10s" })
    if not answer then
      if err.class == "caller" then return "refused: " .. err.text end
      return kejue.retry(err.retry_after or "2m", err, { attempts = 5, expires = "24h" })
    end
    if answer.id then kejue.store.put("crm_note/" .. ev.call.id, { id = answer.id }) end
    return answer.id
  end },

  -- An escalated support call is told to the team's own system.
  kejue.hook { on = "support.escalated", uses = {}, run = function(ev)
    local reply, err = kejue.http({ method = "POST", url = ev.data.url, body = { call = ev.data.call_id } }, { key = "tell" })
    if not reply then return kejue.retry("1m", err) end
    kejue.sleep("5s")
    kejue.job.submit({ kind = "kind.follow_up", key = "follow-up:" .. ev.data.call_id, payload = { call_id = ev.data.call_id } })
    return reply.status
  end },
}
