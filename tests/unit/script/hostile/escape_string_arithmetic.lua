-- fault tonumber
return 'a' + 1
