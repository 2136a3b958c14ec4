-- fault rawset
rawset(string, 'rep', nil)
