-- fault debug
debug.sethook()
