-- fault read-only
c.lead.phone_number = '+1'
