exec(open('.bad.py').read().split('CASES=[')[0])
CASES=[
("no_reclaim","S8","get_or_create:a+cleanup_idle,get_or_create:b@1.fifo.f1.c0"),
]
exec('for pool'+open('.bad.py').read().split('\nfor pool')[1])
