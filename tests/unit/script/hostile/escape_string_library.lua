-- fault read-only
string.rep = function() end
