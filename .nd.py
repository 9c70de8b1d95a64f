from acpool_spec.scopes import *
from acpool_spec.scopes.scenario import scenario_of
from acpool_spec.exploration.depth_first import DepthFirst, NotDeterministic
from acpool_spec.exploration.certificate import Certificate
from acpool_spec.simulation import simulate
from acpool_spec.quiet import quiet
from acpool_spec.pools import no_reclaim
import acpool_spec.exploration.depth_first as df
s=PoolScope.parse('get_or_create:a+with_connection:a,get_or_create:b@1.fifo.f1.c0')
sc=scenario_of(s,no_reclaim.factory)
c=Certificate(exhaustive=True); o=DepthFirst(c,prune=True)
log=[]
class W:
    def begin(self,v): log.clear(); self.v=v; o.begin(v)
    def choose(self,n,k):
        lab=self.v.labels() if k=='schedule' else ('value',)
        r=o.choose(n,k); log.append((r,n,lab[r] if k=='schedule' else 'value')); return r
    def pause(self):
        log.append(('pause',o._position,len(o._path)))
        try: o.pause()
        except BaseException: log.append('PRUNED'); raise
    def end(self): 
        o.end()
prev=[]
with quiet():
    for i in range(200):
        try: r=simulate(sc,W(),mode='fifo')
        except NotDeterministic as e:
            print(i,e)
            for x,y in zip(prev+[None]*50,log): print('same' if x==y else '----',x,'|',y)
            break
        prev=list(log)+[r.outcome,r.exception, r.findings]
