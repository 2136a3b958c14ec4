-- stopped
-- Texts of NULs are compared piece by piece, a library call each.
local a, b = ('\0'):rep(1000000), ('\0'):rep(1000000)
while true do local x = a < b end
