-- fault getmetatable
getmetatable('').__index.rep = nil
