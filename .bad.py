import sys,time,importlib
from acpool_spec.scopes import *
from acpool_spec.verdict import Budget
CASES=[
("global_lock","L1","get_or_create:a,get_or_create:b@2.fifo.f0.c0"),
("global_lock","L2","get_or_create:a,get_or_create:b@2.fifo.f1.c0"),
("global_lock","L2","get_or_create:a+with_connection:a,get_or_create:b@2.fifo.f1.c0"),
("unlocked_start","S2","get_or_create:a,get_or_create:a@2.fifo.f0.c0"),
("unlocked_start","S3","get_or_create:a+cleanup_idle+get_or_create:a,get_or_create:a@2.fifo.f0.c0"),
("remove_by_key","S10","get_or_create:a+cleanup_idle,get_or_create:a@1.fifo.f0.c0"),
("remove_by_key","S2","get_or_create:a+cleanup_idle,get_or_create:a+get_or_create:a@1.fifo.f0.c0"),
("remove_by_key","S10","get_or_create:a+get_or_create:b,get_or_create:a@1.fifo.f0.c0"),
("merged","S1","get_or_create:a,get_or_create:b@1.fifo.f0.c0"),
("merged","S4","get_or_create:a+with_connection:a,get_or_create:b@1.fifo.f0.c0"),
("merged","S3","get_or_create:a+with_connection:a,get_or_create:b+get_or_create:a@1.fifo.f0.c0"),
("merged","S8","get_or_create:a,get_or_create:b@1.fifo.f0.c0"),
("merged","L2","get_or_create:a+with_connection:a,get_or_create:a@1.fifo.f1.c0"),
("merged","S10","get_or_create:a,get_or_create:b@1.fifo.f0.c1"),
("merged","S11","get_or_create:a,reset:a@1.fifo.f0.c0"),
("merged","S11","get_or_create:a,shutdown@1.fifo.f0.c0"),
("merged","S6","get_or_create:a+cleanup_idle,get_or_create:a@1.fifo.f1.c0"),
("merged","S7","get_or_create:a+cleanup_idle+get_or_create:a,with_connection:a+get_or_create:a@1.fifo.f1.c0"),
("no_reclaim","L2","get_or_create:a+with_connection:a,with_connection:a@1.fifo.f1.c0"),
("no_reclaim","S8","get_or_create:a+with_connection:a,get_or_create:b@1.fifo.f1.c0"),
("reset_drops_gate","S2","get_or_create:a,reset:a+get_or_create:a@1.fifo.f0.c0"),
("reset_drops_gate","S11","get_or_create:a+get_or_create:a,reset:a@1.fifo.f0.c0"),
("reset_drops_gate","S11","get_or_create:a,reset:a@1.fifo.f0.c0"),
("reset_drops_gate","S11","get_or_create:a,reset:a+get_or_create:a@1.fifo.f0.c0"),
]
for pool,pid,name in CASES:
    if len(sys.argv)>1 and sys.argv[1] not in pool: continue
    fac=importlib.import_module('acpool_spec.pools.'+pool).factory
    t=time.process_time(); r=explore_scope(PoolScope.parse(name),fac,only={pid},budget=Budget(executions=4000)); d=time.process_time()-t
    print(pool,pid,name,r.verdict,r.executions,f"{d:.1f}s",r.why[:160])
    if r.schedule: print('    ',r.schedule.mode, [str(x) for x in r.schedule.decisions if x.chosen], len(r.schedule.decisions))
