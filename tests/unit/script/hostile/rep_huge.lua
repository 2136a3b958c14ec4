-- fault more than 1 MiB
return ('x'):rep(1 << 36)
