-- stopped
-- Each level calls two: 2^190 of them, and the depth of C is no error that ends it.
local function f() pcall(f) pcall(f) end
f()
