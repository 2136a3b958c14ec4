-- fault more than 1 MiB
return ('').rep('', 1 << 40, 'x')
