-- stopped
while true do kejue.phone.parse('+49 30 901820', 'DE') end
