-- fault more than 100000
table.insert(setmetatable({}, { __len = function() return 1 << 40 end }), 1, 1)
