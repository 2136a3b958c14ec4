local event = { name = "call.analyzed", call = { id = "call_7" }, lead = { id = 42 },
                plan = { success = "good" } }

return kejue.tests { hook = "crm_note.lua",
  { "a good call is noted and remembered", event = event,
    steps = {
      { "crm.upsert", key = "note", args = { record = { lead_id = 42, note = "call call_7: good" } }, result = { id = "n1", status = 200 } },
      { "host.state.put", args = { key = "crm_note/call_7", value = { id = "n1" } }, result = { revision = 1 } },
    },
    result = { outcome = "done", value = "n1" } },

  { "the CRM is away: try again later", event = event,
    steps = { { "crm.upsert", error = { class = "not_processed", code = "503", text = "busy", retry_after_ms = 90000 } } },
    result = { outcome = "retry", retry_after_ms = 90000, reason = "busy", attempts = 5, expires_ms = 86400000 } },

  { "the CRM refuses: no retry", event = event,
    steps = { { "crm.upsert", error = { class = "caller", text = "no such field" } } },
    result = { outcome = "done", value = "refused: no such field" } },

  { "a poor call is not noted",
    event = { call = { id = "call_8" }, plan = { success = "poor" } }, steps = {}, result = { value = "nothing to note" } },

  { "an escalation is told", index = 2, event = { data = { call_id = "call_9", url = "https://team.example/alarm" } },
    steps = {
      { "host.http", args = { method = "POST", body = { call = "call_9" } }, result = { status = 204 } },
      { "host.submit", args = { kind = "kind.follow_up", key = "follow-up:call_9" }, result = { id = 1, created = true } },
    },
    result = { value = 204 } },
}
