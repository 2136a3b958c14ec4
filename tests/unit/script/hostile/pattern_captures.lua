-- fault malformed pattern
return ('x'):find(('('):rep(100))
