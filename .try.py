import sys,time
from acpool_spec.scopes import *
from acpool_spec.scopes.scenario import scenario_of, explore_scope
from acpool_spec.verdict import Budget
from acpool_spec import reference
import importlib
fac=reference.explored
args=sys.argv[1:]
kw={}
if args[0].startswith('pool='):
    fac=importlib.import_module('acpool_spec.pools.'+args.pop(0)[5:]).factory
elif args[0].startswith('ref='):
    fac=getattr(reference,args.pop(0)[4:])
if args[0]=='noprune': kw['prune']=False; args.pop(0)
for name in args:
    s=PoolScope.parse(name); assert s.name==name
    t=time.process_time(); r=explore_scope(s,fac,budget=Budget(executions=20000),**kw); d=time.process_time()-t
    print(name, r.verdict,r.executions,r.states,f"{d:.2f}s {r.executions/d:.0f} exec/s", r.why[:300], dict(r.certificate.not_canonical))
    if r.schedule: print(r.schedule.mode, [str(x) for x in r.schedule.decisions if x.chosen], len(r.schedule.decisions))
