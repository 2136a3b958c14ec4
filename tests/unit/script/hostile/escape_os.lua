-- fault os
os.execute('touch /tmp/owned')
