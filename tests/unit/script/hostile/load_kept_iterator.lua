-- refused iterator
local step = pairs({ a = 1 })
return kejue.rules { name = 'p', success = { { 'good', function() return step() end } } }
