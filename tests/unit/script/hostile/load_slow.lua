-- refused CPU time
-- A state is loaded anew after each limit: this may not take as long as judging.
local s = ('\0'):rep(1000000)
local t = ('\0'):rep(1000000)
for i = 1, 20 do local x = s < t end
return kejue.rules { name = 'p' }
