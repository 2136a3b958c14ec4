-- refused was stopped
local t = {}
while true do t = { t } end
return kejue.rules { name = 'p' }
