-- fault load
load('while true do end')()
