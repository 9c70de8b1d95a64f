from acpool_spec.sampling import Walk
from acpool_spec.targets import load_target
from acpool_spec.world import World
t=load_target('acpool_spec.pools.no_reclaim:factory')
best=None
for n in range(4000):
    w=Walk(11,n,reclaims=False)
    with World(t.factory,w.scope) as world:
        w.run(world); world.finish(linearize=False)
    v=world.judgement.violations.get('S8')
    if v and (best is None or v.index<best[0]): best=(v.index,v.message,list(world.decisions),w.scope, [ (e.index,e.type,e.f,e.process,e.key,e.connection,e.error) for e in world.recorder.events[:v.index+1]])
print(best[0],best[1],best[3]); 
for e in best[4]: print(e)
