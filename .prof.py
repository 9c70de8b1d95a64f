import cProfile,pstats,sys
from acpool_spec.scopes import *
from acpool_spec.verdict import Budget
from acpool_spec import reference
p=cProfile.Profile(); p.enable()
r=explore_scope(PoolScope.parse(sys.argv[1]),reference.explored,budget=Budget(executions=int(sys.argv[2])))
p.disable(); print(r.executions,r.states); pstats.Stats(p).sort_stats(sys.argv[3]).print_stats(75)
