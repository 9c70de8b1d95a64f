exec(open('.bad.py').read().split('CASES=[')[0])
CASES=[
("remove_by_key","S10","get_or_create:a+get_or_create:b+cleanup_idle,get_or_create:a@2.fifo.f0.c0"),
("remove_by_key","S2","get_or_create:a+get_or_create:b+cleanup_idle,get_or_create:a@2.fifo.f0.c0"),
("remove_by_key","S2","get_or_create:a+get_or_create:b+cleanup_idle,get_or_create:a+get_or_create:a@2.fifo.f0.c0"),
("merged","S4","get_or_create:a+with_connection:a,get_or_create:b+get_or_create:a@1.fifo.f0.c0"),
("merged","L1","get_or_create:a,cleanup_idle@1.fifo.f0.c0"),
("merged","S8","get_or_create:a+get_or_create:b,get_or_create:c@1.fifo.f0.c0"),
("merged","S8","get_or_create:a+get_or_create:b,get_or_create:c@2.fifo.f0.c0"),
]
exec('for pool'+open('.bad.py').read().split('\nfor pool')[1])
