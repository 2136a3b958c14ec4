-- fault deeper than 32
local t = {} t.t = t
kejue.json.encode(t)
