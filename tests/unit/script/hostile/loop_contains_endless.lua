-- stopped
-- A list without end, walked in C.
kejue.text.contains('x', setmetatable({}, { __index = function() return 'y' end }))
