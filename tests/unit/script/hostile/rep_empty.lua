-- good
return ('').rep('', 1 << 36) == ''
