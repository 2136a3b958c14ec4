-- stopped
local function f(...) return f(1, 2, 3, ...) end
return f()
