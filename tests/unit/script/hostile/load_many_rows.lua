-- refused
local rows = {}
for i = 1, 100000 do rows[i] = { 'good', function() return false end } end
return kejue.rules { name = 'p', success = rows }
